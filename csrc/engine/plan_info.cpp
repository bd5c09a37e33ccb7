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

/// A concat writes the channels of the parts that are not in place.
void add_writes(const Graph& graph, const Plan& plan, const Step& step, std::vector<ArenaRange>& to) {
  const Place& out = step.output;
  const bool join = !step.conversion && graph.producer(step.value)->op == Op::concat;
  if (!join || out.layout == Layout::planar) {
    add_ranges(plan, out, 0, out.shape.c, to);
    return;
  }
  std::int64_t channel = 0;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const std::int64_t next = channel + step.inputs[i].shape.c;
    if (!joined_in_place(step, i, channel)) add_ranges(plan, out, channel, next, to);
    channel = next;
  }
}

}  // namespace

const char* step_name(const Graph& graph, const Step& step) {
  return step.conversion ? "layout" : op_name(graph.producer(step.value)->op);
}

PlanInfo describe_plan(const Graph& graph, const Plan& plan) {
  PlanInfo info;
  info.arena_bytes = plan.arena_floats * static_cast<std::int64_t>(sizeof(float));
  for (const Step& step : plan.steps) {
    StepInfo item = {graph.value_name(step.value), step_name(graph, step), {}, {}};
    for (const Place& input : step.inputs) add_ranges(plan, input, 0, input.shape.c, item.reads);
    add_writes(graph, plan, step, item.writes);
    info.steps.push_back(std::move(item));
  }
  return info;
}

}  // namespace flownet2
