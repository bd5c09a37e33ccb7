// SPDX-License-Identifier: Apache-2.0
#include "engine/plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/arena_layout.hpp"
#include "engine/grouping.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

class Planner {
 public:
  Planner(const Graph& graph, Element element, const std::vector<std::size_t>& wanted, Work work,
          bool exact_graph)
      : graph_(graph),
        wanted_(wanted),
        work_(std::move(work)),
        layouts_(choose_layouts(graph, work_, element)),
        units_(work_),
        buffer_of_(work_.shapes.size()),
        places_(work_.shapes.size()) {
    result_.element = element;
    if (exact_graph) return;
    join_links(graph, work_, layouts_, units_);
    join_batches(graph, work_, layouts_, element, units_);
  }

  Plan plan() {
    for (const std::size_t unit : units_.in_order()) {
      const std::vector<std::size_t>& members = units_.members(unit);
      const GraphNode* node = graph_.producer(members[0]);
      if (node == nullptr) {
        const std::size_t value = members[0];
        set_place(value, {Memory::input, Layout::planar, value, shape(value)});
      } else if (members.size() > 1 && !node->weight) {
        add_link(members);
      } else {
        add_nodes(members);
      }
    }
    result_.arena_floats = place_buffers(result_.buffers);
    result_.shapes = std::move(work_.shapes);
    return std::move(result_);
  }

 private:
  const Shape& shape(std::size_t value) const { return work_.shapes[value]; }

  std::optional<std::size_t> output_of(std::size_t value) const {
    const auto found = std::find(wanted_.begin(), wanted_.end(), value);
    if (found == wanted_.end() || graph_.producer(value) == nullptr) return std::nullopt;
    return static_cast<std::size_t>(found - wanted_.begin());
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
    const Layout layout = layouts_.of[value];
    if (layout == Layout::planar) {
      if (const auto output = output_of(value)) return {Memory::output, layout, *output, shape(value)};
      return fresh_place(shape(value), layout);
    }
    const Join home = layouts_.home(value);
    std::optional<Place>& whole = buffer_of_[home.holder];
    if (!whole) whole = fresh_place(shape(home.holder), layout);
    return part_of(*whole, home.channel, shape(value));
  }

  /// The value in that layout, converted if it does not exist yet.
  Place in_layout(std::size_t value, Layout layout) {
    std::optional<Place>& wanted = slot(value, layout);
    if (!wanted) {
      const Place from = *slot(value, layouts_.of[value]);
      const auto output = layout == Layout::planar ? output_of(value) : std::nullopt;
      const Place to = output ? Place{Memory::output, layout, *output, shape(value)}
                              : fresh_place(shape(value), layout);
      add_step({StepKind::conversion, {value}, {from}, {to}, {}});
      wanted = to;
    }
    return *wanted;
  }

  Place input_of(std::size_t value, std::size_t input) {
    return in_layout(input, layout_for(graph_, layouts_, value, input));
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
    for (const Place& output : step.outputs) touch(output);
    result_.steps.push_back(std::move(step));
  }

  /// The outputs are there: what is wanted of them is planar.
  void finish(const std::vector<std::size_t>& values) {
    for (const std::size_t value : values) {
      if (output_of(value)) in_layout(value, Layout::planar);
    }
  }

  void add_nodes(const std::vector<std::size_t>& values) {
    Step step;
    step.values = values;
    if (const auto inner = work_.composed_with[values[0]]) {
      step.kind = StepKind::composed;
      step.values.insert(step.values.begin(), *inner);
    }
    for (const std::size_t value : values) {
      for (const std::size_t input : work_.inputs[value]) step.inputs.push_back(input_of(value, input));
    }
    for (const std::size_t value : values) {
      step.outputs.push_back(home(value));
      set_place(value, step.outputs.back());
    }
    add_step(std::move(step));
    finish(values);
  }

  /// Whether a node outside the link reads it, or the caller.
  bool leaves(std::size_t value) const {
    if (output_of(value)) return true;
    for (std::size_t user = value + 1; user < work_.inputs.size(); ++user) {
      if (!work_.needed[user] || units_.of(user) == units_.of(value)) continue;
      const auto& inputs = work_.inputs[user];
      if (std::find(inputs.begin(), inputs.end(), value) != inputs.end()) return true;
    }
    return false;
  }

  void add_link(const std::vector<std::size_t>& values) {
    Step step;
    step.kind = StepKind::link;
    step.values = values;
    for (const std::size_t value : values) {
      LinkNode node;
      node.value = value;
      for (const std::size_t input : work_.inputs[value]) {
        const auto found = std::find(values.begin(), values.end(), input);
        if (found != values.end()) {
          node.inputs.push_back({true, static_cast<std::size_t>(found - values.begin())});
        } else {
          node.inputs.push_back({false, step.inputs.size()});
          step.inputs.push_back(input_of(value, input));
        }
      }
      step.nodes.push_back(std::move(node));
    }
    for (LinkNode& node : step.nodes) {
      if (!leaves(node.value)) continue;
      node.output = step.outputs.size();
      step.outputs.push_back(home(node.value));
      set_place(node.value, step.outputs.back());
    }
    add_step(std::move(step));
    finish(values);
  }

  const Graph& graph_;
  const std::vector<std::size_t>& wanted_;
  Work work_;
  Layouts layouts_;
  Units units_;
  std::vector<std::optional<Place>> buffer_of_;
  std::vector<std::array<std::optional<Place>, 2>> places_;
  Plan result_;
};

}  // namespace

Plan make_plan(const Graph& graph, Element element, const std::vector<Shape>& inputs,
               const std::vector<std::size_t>& wanted, bool exact_graph) {
  return Planner(graph, element, wanted, find_work(graph, inputs, wanted, exact_graph), exact_graph)
      .plan();
}

Place part_of(const Place& whole, std::int64_t channel, const Shape& shape) {
  Place part = whole;
  part.shape = shape;
  part.first_group = whole.first_group + channel / channel_block;
  return part;
}

bool joined_in_place(const Place& part, const Place& whole, std::int64_t channel) {
  return part.memory == Memory::arena && part.layout == Layout::blocked && part.index == whole.index &&
         channel % channel_block == 0 && part.first_group == whole.first_group + channel / channel_block;
}

}  // namespace flownet2
