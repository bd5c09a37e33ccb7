// SPDX-License-Identifier: Apache-2.0
#include "engine/network.hpp"

#include <flownet2/error.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "cpu/threads.hpp"
#include "engine/arena.hpp"
#include "engine/convolutions.hpp"
#include "engine/execute.hpp"
#include "engine/plan_cache.hpp"
#include "engine/plan_info.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "network";

/// For an error of a run that ran out of memory.
std::string about_run(const std::vector<NamedShape>& inputs, const Plan& plan) {
  std::string text = "; a run on ";
  for (const NamedShape& input : inputs) {
    text += "'" + input.name + "' " + to_string(input.shape) + (&input == &inputs.back() ? "" : ", ");
  }
  const auto bytes = plan.arena_floats * static_cast<std::int64_t>(sizeof(float));
  return text + " needs " + std::to_string(bytes) + " bytes beside the weights";
}

}  // namespace

class Network::Implementation {
 public:
  Implementation(Graph graph, const ParameterSource& parameters, const NetworkOptions& options)
      : settings_(options.settings),
        element_(options.precision == Precision::bfloat16 ? Element::bfloat16 : Element::float32),
        graph_(std::move(graph)) {
    const SettingsScope scope(settings_);
    convolutions_ = make_convolutions(graph_, parameters, element_);
  }

  const Graph& graph() const { return graph_; }

  std::size_t value(const std::string& name) const {
    const auto found = graph_.find(name);
    if (!found) fail(who, "the graph has no value '" + name + "'");
    return *found;
  }

  /// Each value once.
  std::vector<std::size_t> values(const std::vector<std::string>& names) const {
    std::vector<std::size_t> result;
    for (const std::string& name : names) result.push_back(value(name));
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
  }

  /// Shapes in the graph's order.
  std::vector<Shape> shapes(const std::vector<NamedShape>& given) const {
    std::vector<Shape> result;
    for (const GraphInput& input : graph_.inputs) {
      const auto named = [&](const NamedShape& item) { return item.name == input.name; };
      const auto found = std::find_if(given.begin(), given.end(), named);
      if (found == given.end()) fail(who, "the input '" + input.name + "' is missing");
      check_input(input, found->shape, given.front().shape.n);
      result.push_back(found->shape);
    }
    if (given.size() != result.size()) {
      fail(who,
           "takes " + std::to_string(result.size()) + " inputs, got " + std::to_string(given.size()));
    }
    return result;
  }

  std::shared_ptr<const Plan> plan(const std::vector<Shape>& inputs,
                                   const std::vector<std::size_t>& wanted, bool exact_graph) const {
    return plans_.get(graph_, element_, inputs, wanted, exact_graph);
  }

  /// Where the run reads and writes; of outputs that are one value the first is written.
  Memories memories(const std::vector<NamedInput>& inputs, const std::vector<NamedOutput>& outputs,
                    const Plan& plan, const std::vector<std::size_t>& wanted) const {
    Memories result;
    result.inputs.resize(graph_.inputs.size());
    result.outputs.resize(wanted.size());
    for (const NamedInput& input : inputs) {
      check_data(who, input.name.c_str(), input.view.data);
      for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
        if (graph_.inputs[i].name == input.name) result.inputs[i] = input.view.data;
      }
    }
    for (const NamedOutput& output : outputs) {
      const std::size_t number = value(output.name);
      check_out(who, plan.shapes[number], output.view);
      float*& to = result.outputs[position(wanted, number)];
      if (to == nullptr) to = output.view.data;
    }
    return result;
  }

  void run(const Plan& plan, Memories memories, const RunOptions& options) const {
    const ArenaPool::Loan arena(arenas_, plan.arena_floats);
    memories.arena = arena.data();
    std::optional<StopCheck> stop_check;
    if (options.stop) stop_check.emplace(options.stop);
    const SettingsScope scope(settings_);
    const auto steps = static_cast<double>(plan.steps.size());
    double done = 0;
    for (const Step& step : plan.steps) {
      check_stop();
      const auto start = std::chrono::steady_clock::now();
      execute_step(graph_, convolutions_, plan, step, memories);
      if (options.times != nullptr) {
        const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
        options.times->push_back({value_names(graph_, step), step_name(graph_, step), time.count()});
      }
      done += 1;
      if (options.progress) options.progress(done / steps);
    }
  }

  /// Outputs that are inputs of the graph, or the same value as another output.
  void copy_rest(const std::vector<NamedOutput>& outputs, const Memories& memories,
                 const std::vector<std::size_t>& wanted) const {
    for (const NamedOutput& output : outputs) {
      const std::size_t number = value(output.name);
      const bool is_input = number < graph_.inputs.size();
      const float* from =
          is_input ? memories.inputs[number] : memories.outputs[position(wanted, number)];
      const Shape& shape = output.view.shape;
      if (from != output.view.data) {
        std::copy(from, from + shape.n * shape.c * shape.h * shape.w, output.view.data);
      }
    }
  }

 private:
  static std::size_t position(const std::vector<std::size_t>& wanted, std::size_t value) {
    return static_cast<std::size_t>(std::lower_bound(wanted.begin(), wanted.end(), value) -
                                    wanted.begin());
  }

  void check_input(const GraphInput& input, const Shape& shape, std::int64_t n) const {
    const std::int64_t multiple = graph_.size_multiple;
    check_shape(who, ("input '" + input.name + "'").c_str(), shape);
    if (shape.c != input.channels || shape.n != n || shape.h % multiple != 0 ||
        shape.w % multiple != 0) {
      fail(who, "input '" + input.name + "' must be (N, " + std::to_string(input.channels) +
                    ", H, W) with N as the first input's, H and W multiples of " +
                    std::to_string(multiple) + ", got " + to_string(shape));
    }
  }

  CallSettings settings_;
  Element element_;
  Graph graph_;
  Convolutions convolutions_;
  mutable PlanCache plans_;
  mutable ArenaPool arenas_;
};

Network::Network(Graph graph, const ParameterSource& parameters, const NetworkOptions& options)
    : implementation_(std::make_unique<Implementation>(std::move(graph), parameters, options)) {}
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

std::vector<Shape> Network::output_shapes(const std::vector<NamedShape>& inputs,
                                          const std::vector<std::string>& outputs) const {
  const auto plan =
      implementation_->plan(implementation_->shapes(inputs), implementation_->values(outputs), false);
  std::vector<Shape> result;
  for (const std::string& name : outputs) result.push_back(plan->shapes[implementation_->value(name)]);
  return result;
}

void Network::run(const std::vector<NamedInput>& inputs, const std::vector<NamedOutput>& outputs,
                  const RunOptions& options) const {
  std::vector<NamedShape> given;
  std::vector<std::string> names;
  for (const NamedInput& input : inputs) given.push_back({input.name, input.view.shape});
  for (const NamedOutput& output : outputs) names.push_back(output.name);
  const std::vector<Shape> shapes = implementation_->shapes(given);
  const std::vector<std::size_t> wanted = implementation_->values(names);
  const auto plan = implementation_->plan(shapes, wanted, options.exact_graph);
  const Memories memories = implementation_->memories(inputs, outputs, *plan, wanted);
  try {
    implementation_->run(*plan, memories, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::out_of_memory) throw;
    throw Error(error.code(), error.what() + about_run(given, *plan));
  }
  implementation_->copy_rest(outputs, memories, wanted);
}

PlanInfo Network::plan_info(const std::vector<NamedShape>& inputs,
                            const std::vector<std::string>& outputs, bool exact_graph) const {
  const auto plan = implementation_->plan(implementation_->shapes(inputs),
                                          implementation_->values(outputs), exact_graph);
  return describe_plan(implementation_->graph(), *plan);
}

}  // namespace flownet2
