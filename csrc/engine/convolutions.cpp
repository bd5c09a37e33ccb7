// SPDX-License-Identifier: Apache-2.0
#include "engine/convolutions.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "network";

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "(" + text + ")";
}

/// The data of each parameter of the graph.
std::vector<const float*> find_parameters(const Graph& graph, const std::vector<ParameterView>& given) {
  std::unordered_map<std::string_view, const ParameterView*> by_name;
  for (const ParameterView& view : given) by_name.emplace(view.name, &view);
  std::vector<const float*> data;
  for (const GraphParameter& parameter : graph.parameters) {
    const auto found = by_name.find(parameter.name);
    if (found == by_name.end()) fail(who, "the parameter '" + parameter.name + "' is missing");
    const ParameterView& view = *found->second;
    if (view.shape != parameter.shape) {
      fail(who, "the parameter '" + parameter.name + "' must be " + text_of(parameter.shape) + ", got " +
                    text_of(view.shape));
    }
    check_data(who, parameter.name.c_str(), view.data);
    data.push_back(view.data);
  }
  return data;
}

ConvolutionSpec spec_of(const Graph& graph, const GraphNode& node, Element element) {
  const auto& attributes = std::get<ConvolutionAttributes>(node.attributes);
  const auto& weight = graph.parameters[*node.weight].shape;
  ConvolutionSpec spec;
  spec.transposed = node.op == Op::conv_transpose2d;
  spec.ci = weight[spec.transposed ? 0 : 1];
  spec.co = weight[spec.transposed ? 1 : 0];
  spec.kh = weight[2];
  spec.kw = weight[3];
  spec.sh = attributes.stride.rows;
  spec.sw = attributes.stride.columns;
  spec.ph = attributes.padding.rows;
  spec.pw = attributes.padding.columns;
  spec.leaky_slope = attributes.leaky_slope;
  spec.element = element;
  return spec;
}

}  // namespace

Convolutions make_convolutions(const Graph& graph, const std::vector<ParameterView>& given,
                               Element element) {
  const std::vector<const float*> parameters = find_parameters(graph, given);
  using Key = std::tuple<std::size_t, std::optional<std::size_t>, bool, std::int64_t, std::int64_t,
                         std::int64_t, std::int64_t, std::optional<float>>;
  std::map<Key, std::shared_ptr<const Convolution>> made;
  Convolutions result;
  for (const GraphNode& node : graph.nodes) {
    if (!node.weight) {
      result.emplace_back();
      continue;
    }
    const ConvolutionSpec spec = spec_of(graph, node, element);
    const Key key = {*node.weight, node.bias, spec.transposed, spec.sh,
                     spec.sw,      spec.ph,   spec.pw,         spec.leaky_slope};
    std::shared_ptr<const Convolution>& convolution = made[key];
    if (convolution == nullptr) {
      convolution =
          make_convolution(spec, parameters[*node.weight], node.bias ? parameters[*node.bias] : nullptr);
    }
    result.push_back(convolution);
  }
  return result;
}

}  // namespace flownet2
