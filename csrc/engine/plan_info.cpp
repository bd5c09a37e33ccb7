// SPDX-License-Identifier: Apache-2.0
#include "engine/plan_info.hpp"

#include "cpu/blocked.hpp"

namespace flownet2 {
namespace {

/// The ranges of channels [first, last) of a tensor; whole channel blocks of a blocked one.
void add_ranges(const Plan& plan, const Place& place, std::int64_t first, std::int64_t last,
                std::vector<ArenaRange>& to) {
  if (place.memory != Memory::arena) return;
  const Shape& shape = place.shape;
  const std::int64_t plane = shape.h * shape.w;
  const bool planar = place.layout == Layout::planar;
  // A group of bfloat16 shares the words of a block with another: its place is told as if it were the
  // half block before or behind that one.
  const std::int64_t group = channel_block / groups_per_block(plan.element);
  const std::int64_t start = planar ? first : (place.first_group + first / channel_block) * group;
  const std::int64_t stop = planar ? last : (place.first_group + blocks_of(last)) * group;
  for (std::int64_t n = 0; n < shape.n; ++n) {
    const std::int64_t image = plan.buffers[place.index].offset + n * place.image_stride;
    to.push_back({image + start * plane, image + stop * plane});
  }
}

/// A blocked concat writes the channels of the parts that are not in place.
void add_joined(const Plan& plan, const Step& step, std::vector<ArenaRange>& to) {
  std::int64_t channel = 0;
  for (const Place& part : step.inputs) {
    const std::int64_t next = channel + part.shape.c;
    if (!joined_in_place(part, step.outputs[0], channel)) {
      add_ranges(plan, step.outputs[0], channel, next, to);
    }
    channel = next;
  }
}

std::vector<ValueRanges> writes_of(const Graph& graph, const Plan& plan, const Step& step) {
  std::vector<ValueRanges> writes;
  const auto add = [&](std::size_t value, const Place& place) {
    writes.push_back({graph.value_name(value), {}});
    add_ranges(plan, place, 0, place.shape.c, writes.back().ranges);
  };
  if (step.kind == StepKind::link) {
    for (const LinkNode& node : step.nodes) {
      if (node.output) add(node.value, step.outputs[*node.output]);
    }
    return writes;
  }
  const std::size_t value = step.values.back();
  const Place& out = step.outputs[0];
  const bool joins = step.kind == StepKind::node && graph.producer(value)->op == Op::concat;
  if (joins && out.layout == Layout::blocked) {
    writes.push_back({graph.value_name(value), {}});
    add_joined(plan, step, writes.back().ranges);
    return writes;
  }
  const std::size_t first = step.values.size() - step.outputs.size();  // a composed pair has one output
  for (std::size_t i = 0; i < step.outputs.size(); ++i) add(step.values[first + i], step.outputs[i]);
  return writes;
}

}  // namespace

const char* step_name(const Graph& graph, const Step& step) {
  switch (step.kind) {
    case StepKind::conversion:
      return "layout";
    case StepKind::composed:
      return "composed";
    case StepKind::link:
      return "link";
    default:
      return op_name(graph.producer(step.values[0])->op);
  }
}

std::vector<std::string> value_names(const Graph& graph, const Step& step) {
  std::vector<std::string> names;
  for (const std::size_t value : step.values) names.push_back(graph.value_name(value));
  return names;
}

PlanInfo describe_plan(const Graph& graph, const Plan& plan) {
  PlanInfo info;
  info.arena_bytes = plan.arena_floats * static_cast<std::int64_t>(sizeof(float));
  for (const Step& step : plan.steps) {
    StepInfo item = {value_names(graph, step), step_name(graph, step), {}, writes_of(graph, plan, step)};
    for (const Place& input : step.inputs) add_ranges(plan, input, 0, input.shape.c, item.reads);
    info.steps.push_back(std::move(item));
  }
  return info;
}

}  // namespace flownet2
