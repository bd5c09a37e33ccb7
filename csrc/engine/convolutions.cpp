// SPDX-License-Identifier: Apache-2.0
#include "engine/convolutions.hpp"

#include <flownet2/error.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "network";

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "(" + text + ")";
}

Parameter fetch(const GraphParameter& wanted, const ParameterSource& source) {
  Parameter parameter = source(wanted.name);
  if (parameter.shape != wanted.shape) {
    fail(who, "the parameter '" + wanted.name + "' must be " + text_of(wanted.shape) + ", got " +
                  text_of(parameter.shape));
  }
  check_data(who, wanted.name.c_str(), parameter.data);
  return parameter;
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

std::unique_ptr<const Convolution> pack(const Graph& graph, const GraphNode& node,
                                        const ConvolutionSpec& spec, const ParameterSource& source) {
  const Parameter weight = fetch(graph.parameters[*node.weight], source);
  const Parameter bias = node.bias ? fetch(graph.parameters[*node.bias], source) : Parameter();
  try {
    return make_convolution(spec, weight.data, bias.data);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::out_of_memory) throw;
    throw Error(error.code(), std::string(error.what()) + " for the weights of '" + node.name + "'");
  }
}

}  // namespace

Convolutions make_convolutions(const Graph& graph, const ParameterSource& parameters, Element element) {
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
    if (convolution == nullptr) convolution = pack(graph, node, spec, parameters);
    result.push_back(convolution);
  }
  return result;
}

ParameterSource source_of(const std::vector<ParameterView>& views) {
  std::unordered_map<std::string_view, const ParameterView*> by_name;
  for (const ParameterView& view : views) by_name.emplace(view.name, &view);
  return [by_name = std::move(by_name)](const std::string& name) -> Parameter {
    const auto found = by_name.find(name);
    if (found == by_name.end()) fail(who, "the parameter '" + name + "' is missing");
    return {found->second->shape, found->second->data, nullptr};
  };
}

}  // namespace flownet2
