// SPDX-License-Identifier: Apache-2.0
// A graph text: parsed, and if it is small made a network of zeros, planned for two sizes, and run where
// that takes little memory and time.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph.hpp"
#include "engine/network.hpp"
#include "engine/shapes.hpp"
#include "fuzz.hpp"
#include "words.hpp"

namespace {

using namespace flownet2;

constexpr double most_weights = 1e6;  // channels rounded up, as packed weights have them
constexpr double most_numbers = 1e6;  // of the inputs and outputs, and of the arena: 4 MB each
constexpr double most_products = 2e7;
constexpr std::size_t most_values = 64;

double groups(std::int64_t channels) { return static_cast<double>((channels + 15) / 16 * 16); }

double numbers(const Shape& shape) {
  return static_cast<double>(shape.n) * static_cast<double>(shape.c) * static_cast<double>(shape.h) *
         static_cast<double>(shape.w);
}

double numbers(const std::vector<std::int64_t>& shape) {
  double product = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    product *= i < 2 ? groups(shape[i]) : static_cast<double>(shape[i]);
  }
  return product;
}

/// Products that computing all values takes, about.
double products(const Graph& graph, const std::vector<Shape>& shapes) {
  double sum = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    const Shape& out = shapes[graph.inputs.size() + i];
    const Shape& in = shapes[node.inputs[0]];
    const double pixels =
        static_cast<double>(std::max(out.h, in.h)) * static_cast<double>(std::max(out.w, in.w));
    if (node.weight) {
      sum += pixels * numbers(graph.parameters[*node.weight].shape);
    } else if (node.op == Op::correlation) {
      sum += numbers(out) * groups(in.c);
    } else {
      sum += numbers(out) + numbers(in);
    }
  }
  return sum;
}

bool is_small(const Graph& graph) {
  double weights = 0;
  for (const GraphNode& node : graph.nodes) {
    if (node.weight) weights += numbers(graph.parameters[*node.weight].shape);
  }
  for (const GraphParameter& parameter : graph.parameters) weights += numbers(parameter.shape);
  return weights <= most_weights;
}

/// Weights that are all 0.
ParameterSource zeros(const Graph& graph) {
  return [&graph](const std::string& name) -> Parameter {
    const auto found = std::find_if(graph.parameters.begin(), graph.parameters.end(),
                                    [&](const GraphParameter& item) { return item.name == name; });
    const auto data =
        std::make_shared<std::vector<float>>(static_cast<std::size_t>(numbers(found->shape)));
    return {found->shape, data->data(), data};
  };
}

void run(const Network& network, const std::vector<NamedShape>& inputs,
         const std::vector<std::string>& names, const std::vector<Shape>& shapes, bool exact_graph) {
  std::vector<std::vector<float>> data;
  std::vector<NamedInput> given;
  std::vector<NamedOutput> wanted;
  const auto memory = [&](const Shape& shape) {
    data.emplace_back(static_cast<std::size_t>(numbers(shape)));
    return data.back().data();
  };
  for (const NamedShape& input : inputs) {
    given.push_back({input.name, ConstView(memory(input.shape), input.shape)});
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    wanted.push_back({names[i], MutableView(memory(shapes[i]), shapes[i])});
  }
  RunOptions options;
  options.exact_graph = exact_graph;
  network.run(given, wanted, options);
}

void plan(const Graph& graph, const Network& network, const std::vector<NamedShape>& inputs,
          const std::vector<std::string>& names) {
  double outside = 0;
  std::vector<Shape> given;
  for (const NamedShape& input : inputs) {
    given.push_back(input.shape);
    outside += numbers(input.shape);
  }
  const std::vector<Shape> shapes = network.output_shapes(inputs, names);
  for (const Shape& shape : shapes) outside += numbers(shape);
  const double work = products(graph, infer_shapes(graph, given, {}));
  for (const bool exact_graph : {false, true}) {
    const PlanInfo info = network.plan_info(inputs, names, exact_graph);
    if (info.arena_bytes < 0) std::abort();
    if (static_cast<double>(info.arena_bytes) <= 4 * most_numbers && outside <= most_numbers &&
        work <= most_products) {
      run(network, inputs, names, shapes, exact_graph);
    }
  }
}

void plan_sizes(const Graph& graph, const Network& network, const std::vector<std::string>& names) {
  for (const std::int64_t times : {1, 3}) {
    std::vector<NamedShape> inputs;
    for (const GraphInput& input : graph.inputs) {
      inputs.push_back(
          {input.name,
           {times == 1 ? 1 : 2, input.channels, graph.size_multiple, graph.size_multiple * times}});
    }
    only_errors([&] { plan(graph, network, inputs, names); });
  }
}

}  // namespace

/// Half of the changes keep a graph text a JSON text, most of which are graphs.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::string text(reinterpret_cast<const char*>(data), size);
  replace_words(text, seed);
  return put(text, data, max_size);
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  only_errors([&] {
    const Graph graph = parse_graph(text);
    if (!is_small(graph)) return;
    for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
      NetworkOptions options;
      options.precision = precision;
      options.settings.threads = 1;
      const Network network(graph, zeros(graph), options);
      std::vector<std::string> outputs;
      for (const auto& output : graph.outputs) outputs.push_back(output.first);
      plan_sizes(graph, network, outputs);
      if (graph.nodes.size() > most_values) continue;
      std::vector<std::string> all;
      for (const GraphNode& node : graph.nodes) all.push_back(node.name);
      plan_sizes(graph, network, all);
    }
  });
  return 0;
}
