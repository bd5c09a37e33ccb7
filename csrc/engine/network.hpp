// SPDX-License-Identifier: Apache-2.0
// A whole network on the CPU: the graph of a model file and its weights, made ready once, then run on
// pictures of any size. Values are (N, C, H, W) float32.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/model.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cpu/settings.hpp"
#include "engine/graph.hpp"

namespace flownet2 {

/// One parameter as a source hands it out.
struct Parameter {
  std::vector<std::int64_t> shape;
  const float* data = nullptr;        // without gaps; may be read as long as `owner` lives
  std::shared_ptr<const void> owner;  // null if the data outlive the network's making anyway
};

/// The parameter of a name. Asked on the thread that makes the network, for one convolution after the
/// other, whose parameters are let go of before the next: no more than those need be in memory. What it
/// throws reaches the maker of the network.
using ParameterSource = std::function<Parameter(const std::string& name)>;

struct NamedShape {
  std::string name;
  Shape shape;
};

struct NamedInput {
  std::string name;
  ConstView view;
};

/// Time of one step: a node, or one of the following `op` instead of the node's operator. "layout": a
/// change of memory layout of a value. "composed": two convolutions as one. "link": several nodes
/// together, some rows at a time. A convolution of several inputs is one step too.
struct StepTime {
  std::vector<std::string> values;
  std::string op;
  double milliseconds = 0;
};

/// Floats [begin, end) of the arena.
struct ArenaRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct ValueRanges {
  std::string value;
  std::vector<ArenaRange> ranges;
};

/// What a step reads and writes of the arena; a value wanted by the caller is written elsewhere.
struct StepInfo {
  std::vector<std::string> values;
  std::string op;  // as in StepTime
  std::vector<ArenaRange> reads;
  std::vector<ValueRanges> writes;
};

struct PlanInfo {
  std::int64_t arena_bytes = 0;
  std::vector<StepInfo> steps;
};

struct RunOptions {
  /// Asked on the calling thread, about every 20 ms; true ends the run with ErrorCode::cancelled.
  std::function<bool()> stop;
  /// Told the share of the steps that are done, from 0 to 1, on the calling thread.
  std::function<void(double)> progress;
  std::vector<StepTime>* times = nullptr;
  /// Every node is a step of its own: for comparisons. Results may differ by rounding, where two
  /// convolutions would have been one.
  bool exact_graph = false;
};

/// How and with what a network computes.
struct NetworkOptions {
  Precision precision = Precision::float32;
  CallSettings settings;
};

/// Functions are const and may be called from any number of threads. All throw Error; after one the
/// network still works. "Output" means a public output or any value of the graph, by name.
class Network {
 public:
  /// Every parameter that a node uses is copied in the form that its convolution wants.
  Network(Graph graph, const ParameterSource& parameters, const NetworkOptions& options = {});
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  /// Shapes of the outputs for inputs of these shapes; every input of the graph is given. N is the same
  /// for all inputs, H and W are multiples of the graph's size_multiple.
  std::vector<Shape> output_shapes(const std::vector<NamedShape>& inputs,
                                   const std::vector<std::string>& outputs) const;

  /// Computes the outputs, and of the graph only what they need. Inputs and outputs do not overlap.
  void run(const std::vector<NamedInput>& inputs, const std::vector<NamedOutput>& outputs,
           const RunOptions& options = {}) const;

  /// How run() would go about it.
  PlanInfo plan_info(const std::vector<NamedShape>& inputs, const std::vector<std::string>& outputs,
                     bool exact_graph = false) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace flownet2
