// SPDX-License-Identifier: Apache-2.0
#include "engine/plan.hpp"

#include <algorithm>
#include <array>

#include "cpu/blocked.hpp"
#include "engine/arena_layout.hpp"
#include "engine/shapes.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

bool is_convolution(const GraphNode& node) {
  return node.op == Op::conv2d || node.op == Op::conv_transpose2d;
}

/// Which values are needed for the wanted ones.
std::vector<bool> find_needed(const Graph& graph, const std::vector<std::size_t>& wanted) {
  std::vector<bool> needed(graph.inputs.size() + graph.nodes.size(), false);
  for (const std::size_t value : wanted) needed[value] = true;
  for (std::size_t value = needed.size(); value-- > graph.inputs.size();) {
    if (!needed[value]) continue;
    for (const std::size_t input : graph.producer(value)->inputs) needed[input] = true;
  }
  return needed;
}

class Planner {
 public:
  Planner(const Graph& graph, Element element, const std::vector<Shape>& inputs,
          const std::vector<std::size_t>& wanted)
      : graph_(graph),
        wanted_(wanted),
        needed_(find_needed(graph, wanted)),
        shapes_(infer_shapes(graph, inputs, needed_)),
        layouts_(shapes_.size(), Layout::planar),
        joins_(shapes_.size()),
        buffer_of_(shapes_.size()),
        places_(shapes_.size()) {
    result_.element = element;
  }

  Plan plan() {
    choose_layouts();
    choose_joins();
    for (std::size_t value = 0; value < shapes_.size(); ++value) {
      if (!needed_[value]) continue;
      if (graph_.producer(value) == nullptr) {
        set_place(value, {Memory::input, Layout::planar, value, shapes_[value]});
      } else {
        add_node(value);
      }
    }
    result_.arena_floats = place_buffers(result_.buffers);
    result_.shapes = std::move(shapes_);
    return std::move(result_);
  }

 private:
  /// The concat that holds a value, and the value's first channel there.
  struct Join {
    std::size_t concat;
    std::int64_t channel;
  };

  std::optional<std::size_t> output_of(std::size_t value) const {
    const auto found = std::find(wanted_.begin(), wanted_.end(), value);
    if (found == wanted_.end() || graph_.producer(value) == nullptr) return std::nullopt;
    return static_cast<std::size_t>(found - wanted_.begin());
  }

  /// A convolution's result is blocked. A concat is if that spares a conversion. Pointwise operators
  /// know float32 only.
  void choose_layouts() {
    std::vector<bool> convolved(shapes_.size(), false);
    for (std::size_t value = graph_.inputs.size(); value < shapes_.size(); ++value) {
      const GraphNode& node = *graph_.producer(value);
      if (needed_[value] && is_convolution(node)) convolved[node.inputs[0]] = true;
    }
    for (std::size_t value = graph_.inputs.size(); value < shapes_.size(); ++value) {
      const GraphNode& node = *graph_.producer(value);
      const auto blocked = [&](std::size_t input) { return layouts_[input] == Layout::blocked; };
      const bool all = std::all_of(node.inputs.begin(), node.inputs.end(), blocked);
      const bool any = std::any_of(node.inputs.begin(), node.inputs.end(), blocked);
      const bool is_blocked = is_convolution(node) ||
                              (node.op == Op::concat && (any || convolved[value])) ||
                              ((node.op == Op::leaky_relu || node.op == Op::elementwise) && all &&
                               result_.element == Element::float32);
      if (is_blocked) layouts_[value] = Layout::blocked;
    }
  }

  /// A blocked value is computed where a concat wants it if whole channel blocks are its own there. A
  /// part of which a block remains unused must come last: its writer clears the unused lanes.
  void choose_joins() {
    for (std::size_t value = graph_.inputs.size(); value < shapes_.size(); ++value) {
      const GraphNode& node = *graph_.producer(value);
      if (!needed_[value] || node.op != Op::concat || layouts_[value] != Layout::blocked) continue;
      std::int64_t channel = 0;
      for (const std::size_t input : node.inputs) {
        const std::int64_t next = channel + shapes_[input].c;
        const bool own_blocks =
            channel % channel_block == 0 && (next % channel_block == 0 || next == shapes_[value].c);
        if (own_blocks && layouts_[input] == Layout::blocked && !joins_[input]) {
          joins_[input] = Join{value, channel};
        }
        channel = next;
      }
    }
  }

  void set_place(std::size_t value, const Place& place) { slot(value, place.layout) = place; }

  std::optional<Place>& slot(std::size_t value, Layout layout) {
    return places_[value][layout == Layout::planar ? 0 : 1];
  }

  std::size_t add_buffer(std::int64_t size) {
    const std::size_t now = result_.steps.size();
    result_.buffers.push_back({size, 0, now, now});
    return result_.buffers.size() - 1;
  }

  /// A place of its own for a tensor of that layout.
  Place fresh_place(const Shape& shape, Layout layout) {
    Place place = {Memory::arena, layout, 0, shape};
    const std::int64_t channels =
        layout == Layout::planar ? shape.c : blocks_of(shape.c) * channel_block;
    check_shape("network", "a tensor in its memory layout", {shape.n, channels, shape.h, shape.w});
    place.image_stride = layout == Layout::planar
                             ? channels * shape.h * shape.w
                             : image_words(result_.element, shape.c, shape.h, shape.w);
    place.index = add_buffer(shape.n * place.image_stride);
    return place;
  }

  /// Where a value is computed.
  Place home(std::size_t value) {
    const Layout layout = layouts_[value];
    if (layout == Layout::planar) {
      if (const auto output = output_of(value)) return {Memory::output, layout, *output, shapes_[value]};
      return fresh_place(shapes_[value], layout);
    }
    std::size_t root = value;
    std::int64_t channel = 0;
    while (joins_[root]) {
      channel += joins_[root]->channel;
      root = joins_[root]->concat;
    }
    if (!buffer_of_[root]) buffer_of_[root] = fresh_place(shapes_[root], layout);
    return part_of(*buffer_of_[root], channel, shapes_[value]);
  }

  /// The value in that layout, converted if it does not exist yet.
  Place in_layout(std::size_t value, Layout layout) {
    std::optional<Place>& wanted = slot(value, layout);
    if (!wanted) {
      const Place from = *slot(value, layouts_[value]);
      const auto output = layout == Layout::planar ? output_of(value) : std::nullopt;
      const Place to = output ? Place{Memory::output, layout, *output, shapes_[value]}
                              : fresh_place(shapes_[value], layout);
      add_step({value, true, {from}, to});
      wanted = to;
    }
    return *wanted;
  }

  void add_step(Step step) {
    const std::size_t now = result_.steps.size();
    const auto touch = [&](const Place& place) {
      if (place.memory != Memory::arena) return;
      Buffer& buffer = result_.buffers[place.index];
      buffer.first = std::min(buffer.first, now);
      buffer.last = std::max(buffer.last, now);
    };
    for (const Place& input : step.inputs) touch(input);
    touch(step.output);
    result_.steps.push_back(std::move(step));
  }

  void add_node(std::size_t value) {
    const GraphNode& node = *graph_.producer(value);
    Step step = {value, false, {}, {}};
    for (const std::size_t input : node.inputs)
      step.inputs.push_back(in_layout(input, layout_for(node, value, input)));
    step.output = home(value);
    set_place(value, step.output);
    add_step(std::move(step));
    if (output_of(value)) in_layout(value, Layout::planar);
  }

  /// The layout in which a node reads an input.
  Layout layout_for(const GraphNode& node, std::size_t value, std::size_t input) const {
    if (is_convolution(node)) return Layout::blocked;
    if (node.op == Op::concat && layouts_[value] == Layout::blocked) return layouts_[input];
    return layouts_[value];
  }

  const Graph& graph_;
  const std::vector<std::size_t>& wanted_;
  std::vector<bool> needed_;
  std::vector<Shape> shapes_;
  std::vector<Layout> layouts_;  // of each value as it is computed
  std::vector<std::optional<Join>> joins_;
  std::vector<std::optional<Place>> buffer_of_;
  std::vector<std::array<std::optional<Place>, 2>> places_;
  Plan result_;
};

}  // namespace

Plan make_plan(const Graph& graph, Element element, const std::vector<Shape>& inputs,
               const std::vector<std::size_t>& wanted) {
  return Planner(graph, element, inputs, wanted).plan();
}

Place part_of(const Place& whole, std::int64_t channel, const Shape& shape) {
  Place part = whole;
  part.shape = shape;
  part.first_group = whole.first_group + channel / channel_block;
  return part;
}

bool joined_in_place(const Step& step, std::size_t input, std::int64_t channel) {
  const Place& part = step.inputs[input];
  const Place& whole = step.output;
  return part.memory == Memory::arena && part.layout == Layout::blocked && part.index == whole.index &&
         channel % channel_block == 0 && part.first_group == whole.first_group + channel / channel_block;
}

}  // namespace flownet2
