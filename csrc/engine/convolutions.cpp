// SPDX-License-Identifier: Apache-2.0
#include "engine/convolutions.hpp"

#include <flownet2/error.hpp>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "cpu/dispatch.hpp"
#include "engine/passes.hpp"
#include "ops/checks.hpp"
#include "ops/composed_head.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "network";

Parameter fetch(const GraphParameter& wanted, const ParameterSource& source) {
  Parameter parameter = source(wanted.name);
  if (parameter.shape != wanted.shape) {
    fail(who, "the parameter '" + wanted.name + "' must be " + to_string(wanted.shape) + ", got " +
                  to_string(parameter.shape));
  }
  check_data(who, wanted.name.c_str(), parameter.data);
  return parameter;
}

/// A node's convolution with its parameters, held while it is made.
struct Fetched {
  ConvolutionSpec spec;
  Parameter weight;
  Parameter bias;  // no data: none

  Fetched(const Graph& graph, const GraphNode& node, Element element, const ParameterSource& source)
      : spec(spec_of(graph, node)),
        weight(fetch(graph.parameters[*node.weight], source)),
        bias(node.bias ? fetch(graph.parameters[*node.bias], source) : Parameter()) {
    spec.element = element;
  }

  ConvolutionParameters view() const { return {spec, weight.data, bias.data}; }
};

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

/// What is missing in `convolution`, from the node's parameters; with `inner` the composed form too.
void make_node(const Fetched& own, const std::optional<Fetched>& inner, NodeConvolution& convolution) {
  if (is_flow_head(own.spec)) {
    if (convolution.head == nullptr) convolution.head = make_head(own.view());
  } else if (convolution.convolution == nullptr) {
    convolution.convolution = make_convolution(own.spec, own.weight.data, own.bias.data);
  }
  if (inner) convolution.composed = make_composed(inner->view(), own.view());
}

}  // namespace

Convolutions make_convolutions(const Graph& graph, const ParameterSource& parameters, Element element) {
  using Key = std::tuple<std::size_t, std::optional<std::size_t>, bool, std::int64_t, std::int64_t,
                         std::int64_t, std::int64_t, std::optional<float>>;
  std::map<Key, NodeConvolution> made;
  const Compositions compositions = find_compositions(graph);
  Convolutions result(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    if (!node.weight) continue;
    const ConvolutionSpec spec = spec_of(graph, node);
    NodeConvolution& shared = made[{*node.weight, node.bias, spec.transposed, spec.sh, spec.sw, spec.ph,
                                    spec.pw, spec.leaky_slope}];
    result[i] = shared;
    if (!compositions[i] && (shared.head != nullptr || shared.convolution != nullptr)) continue;
    try {
      std::optional<Fetched> inner;
      if (compositions[i]) inner.emplace(graph, *graph.producer(*compositions[i]), element, parameters);
      make_node(Fetched(graph, node, element, parameters), inner, result[i]);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::out_of_memory) throw;
      throw Error(error.code(), std::string(error.what()) + " for the weights of '" + node.name + "'");
    }
    shared = {result[i].convolution, result[i].head, nullptr};
  }
  return result;
}

}  // namespace flownet2
