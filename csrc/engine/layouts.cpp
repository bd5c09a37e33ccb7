// SPDX-License-Identifier: Apache-2.0
#include "engine/layouts.hpp"

#include <algorithm>

namespace flownet2 {
namespace {

/// Wants its input blocked.
bool is_wide_convolution(const Graph& graph, std::size_t value) {
  return graph.producer(value)->weight && !is_flow_head(graph, value);
}

/// A convolution's result is blocked, except for flow; so is the correlation of blocked features. A
/// concat is if that spares a conversion. Pointwise operators know float32 only.
bool is_blocked(const Graph& graph, const Work& work, const std::vector<Layout>& known,
                std::size_t value, bool convolved, Element element) {
  const auto blocked = [&](std::size_t input) { return known[input] == Layout::blocked; };
  const auto& inputs = work.inputs[value];
  const bool all = std::all_of(inputs.begin(), inputs.end(), blocked);
  switch (graph.producer(value)->op) {
    case Op::conv2d:
    case Op::conv_transpose2d:
      return is_wide_convolution(graph, value);
    case Op::concat:
      return convolved || std::any_of(inputs.begin(), inputs.end(), blocked);
    case Op::correlation:
      return all;
    case Op::leaky_relu:
    case Op::elementwise:
      return all && element == Element::float32;
    default:
      return false;
  }
}

/// A blocked value is computed where a concat wants it if whole groups of channels are its own there. A
/// part of which a group remains unused must come last: its writer clears the unused lanes.
void choose_joins(const Work& work, std::size_t concat, Layouts& layouts) {
  std::int64_t channel = 0;
  for (const std::size_t input : work.inputs[concat]) {
    const std::int64_t next = channel + work.shapes[input].c;
    const bool own_groups =
        channel % channel_block == 0 && (next % channel_block == 0 || next == work.shapes[concat].c);
    if (own_groups && layouts.of[input] == Layout::blocked && !layouts.joins[input]) {
      layouts.joins[input] = Join{concat, channel};
    }
    channel = next;
  }
}

}  // namespace

Join Layouts::home(std::size_t value) const {
  Join home = {value, 0};
  while (const std::optional<Join>& join = joins[home.holder]) {
    home = {join->holder, home.channel + join->channel};
  }
  return home;
}

std::int64_t Layouts::first_group(std::size_t value) const {
  return home(value).channel / channel_block;
}

Layouts choose_layouts(const Graph& graph, const Work& work, Element element) {
  const std::size_t count = work.needed.size();
  Layouts layouts;
  layouts.of.assign(count, Layout::planar);
  layouts.joins.resize(count);
  std::vector<bool> convolved(count, false);
  for (std::size_t value = graph.inputs.size(); value < count; ++value) {
    if (work.needed[value] && is_wide_convolution(graph, value)) convolved[work.inputs[value][0]] = true;
  }
  for (std::size_t value = graph.inputs.size(); value < count; ++value) {
    if (!work.needed[value]) continue;
    if (is_blocked(graph, work, layouts.of, value, convolved[value], element)) {
      layouts.of[value] = Layout::blocked;
    }
  }
  for (std::size_t value = graph.inputs.size(); value < count; ++value) {
    const bool joins = work.needed[value] && graph.producer(value)->op == Op::concat;
    if (joins && layouts.of[value] == Layout::blocked) choose_joins(work, value, layouts);
  }
  return layouts;
}

Layout layout_for(const Graph& graph, const Layouts& layouts, std::size_t value, std::size_t input) {
  const GraphNode& node = *graph.producer(value);
  if (node.weight) return is_flow_head(graph, value) ? layouts.of[input] : Layout::blocked;
  if (node.op == Op::correlation) return layouts.of[input];
  if (node.op == Op::concat && layouts.of[value] == Layout::blocked) return layouts.of[input];
  return layouts.of[value];
}

}  // namespace flownet2
