// SPDX-License-Identifier: Apache-2.0
#include "engine/convolutions.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "cpu/dispatch.hpp"
#include "engine/passes.hpp"
#include "ops/checks.hpp"
#include "ops/composed_head.hpp"

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

std::shared_ptr<const FlowHead> make_head(const ConvolutionParameters& own) {
  std::vector<HeadWeights> weights;
  weights.push_back(pack_head(own.spec, own.weight, own.bias));
  return std::make_shared<FlowHead>(active_kernels(), own.spec, std::move(weights));
}

std::shared_ptr<const FlowHead> make_composed(const ConvolutionParameters& inner,
                                              const ConvolutionParameters& own) {
  return std::make_shared<FlowHead>(active_kernels(), composed_spec(inner.spec, own.spec),
                                    compose(inner, own));
}

}  // namespace

Convolutions make_convolutions(const Graph& graph, const std::vector<ParameterView>& given,
                               Element element) {
  const std::vector<const float*> parameters = find_parameters(graph, given);
  using Key = std::tuple<std::size_t, std::optional<std::size_t>, bool, std::int64_t, std::int64_t,
                         std::int64_t, std::int64_t, std::optional<float>>;
  const auto parameters_of = [&](const GraphNode& node) -> ConvolutionParameters {
    ConvolutionSpec spec = spec_of(graph, node);
    spec.element = element;
    return {spec, parameters[*node.weight], node.bias ? parameters[*node.bias] : nullptr};
  };
  std::map<Key, NodeConvolution> made;
  const Compositions compositions = find_compositions(graph);
  Convolutions result(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    if (!node.weight) continue;
    const ConvolutionParameters own = parameters_of(node);
    const ConvolutionSpec& spec = own.spec;
    NodeConvolution& shared = made[{*node.weight, node.bias, spec.transposed, spec.sh, spec.sw, spec.ph,
                                    spec.pw, spec.leaky_slope}];
    if (is_flow_head(spec)) {
      if (shared.head == nullptr) shared.head = make_head(own);
    } else if (shared.convolution == nullptr) {
      ConvolutionSpec rounded = spec;
      rounded.element = element;
      shared.convolution = make_convolution(rounded, own.weight, own.bias);
    }
    result[i] = shared;
    if (compositions[i]) {
      result[i].composed = make_composed(parameters_of(*graph.producer(*compositions[i])), own);
    }
  }
  return result;
}

}  // namespace flownet2
