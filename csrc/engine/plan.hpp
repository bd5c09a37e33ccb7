// SPDX-License-Identifier: Apache-2.0
// What a network does for inputs of given shapes: steps in order, and the place of every tensor in one
// arena. Convolutions take and give blocked tensors, the other operators planar ones, or either; joins
// happen in place where groups of channels allow. Some steps compute several nodes
// (engine/grouping.hpp).
#pragma once

#include <flownet2/array_view.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/blocked.hpp"
#include "engine/graph.hpp"
#include "engine/layouts.hpp"

namespace flownet2 {

enum class Memory { arena, input, output };

/// Where one tensor is. A blocked one may be some of the channel blocks of a larger one.
struct Place {
  Memory memory = Memory::arena;
  Layout layout = Layout::planar;
  std::size_t index = 0;          // of the arena's buffer, the graph's input or the wanted value
  Shape shape;                    // of the tensor itself
  std::int64_t first_group = 0;   // blocked only: of the buffer's groups of 16 channels
  std::int64_t image_stride = 0;  // words between images of the buffer
};

/// A piece of the arena, in words of 32 bits; alive from step `first` to step `last`.
struct Buffer {
  std::int64_t size = 0;
  std::int64_t offset = 0;
  std::size_t first = 0;
  std::size_t last = 0;
};

enum class StepKind {
  node,        // one; or one convolution of several inputs
  composed,    // a convolution together with the one before it
  conversion,  // a change of layout
  link,        // nodes that go by rows, so many rows at a time
};

/// What a node of a link reads: another node's rows, or a whole tensor.
struct LinkInput {
  bool inside;
  std::size_t index;  // of Step::nodes or Step::inputs
};

struct LinkNode {
  std::size_t value = 0;
  std::vector<LinkInput> inputs;
  std::optional<std::size_t> output;  // of Step::outputs; none: nobody outside reads it
};

struct Step {
  StepKind kind = StepKind::node;
  std::vector<std::size_t> values;  // that it computes
  std::vector<Place> inputs;        // of a node; of each value where there are several; of a link
  std::vector<Place> outputs;       // of each value; of a link
  std::vector<LinkNode> nodes;      // of a link, each after those that it reads
};

struct Plan {
  std::vector<Step> steps;
  std::vector<Buffer> buffers;
  Element element = Element::float32;  // of blocked tensors
  std::int64_t arena_floats = 0;       // words of 32 bits
  std::vector<Shape> shapes;           // of every value that is computed
};

/// Floats between possible starts of buffers: 64 bytes.
inline constexpr std::int64_t arena_alignment = 16;

/// `wanted`: the values to compute, each once; the plan writes wanted[i], planar, to Memory::output i,
/// except for inputs of the graph. exact_graph: every node is a step of its own. Throws Error if the
/// shapes do not fit the graph.
Plan make_plan(const Graph& graph, Element element, const std::vector<Shape>& inputs,
               const std::vector<std::size_t>& wanted, bool exact_graph);

/// The place of channels [channel, channel + shape.c) inside a blocked tensor; channel is a multiple of
/// channel_block.
Place part_of(const Place& whole, std::int64_t channel, const Shape& shape);

/// Whether a part of a blocked concat, which begins at `channel` of the whole, is there already.
bool joined_in_place(const Place& part, const Place& whole, std::int64_t channel);

}  // namespace flownet2
