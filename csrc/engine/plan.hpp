// SPDX-License-Identifier: Apache-2.0
// What a network does for inputs of given shapes: steps in order, and the place of every tensor in one
// arena. Convolutions take and give blocked tensors, the other operators planar ones, or either; joins
// happen in place where channel blocks allow.
#pragma once

#include <flownet2/array_view.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/blocked.hpp"
#include "engine/graph.hpp"

namespace flownet2 {

enum class Layout { planar, blocked };
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

/// A node's computation, or a change of layout of its value.
struct Step {
  std::size_t value = 0;
  bool conversion = false;
  std::vector<Place> inputs;
  Place output;
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
/// except for inputs of the graph. Throws Error if the shapes do not fit the graph.
Plan make_plan(const Graph& graph, Element element, const std::vector<Shape>& inputs,
               const std::vector<std::size_t>& wanted);

/// The place of channels [channel, channel + shape.c) inside a blocked tensor; channel is a multiple of
/// channel_block.
Place part_of(const Place& whole, std::int64_t channel, const Shape& shape);

/// Whether input i of a blocked concat, which begins at `channel` of the result, is there already.
bool joined_in_place(const Step& step, std::size_t input, std::int64_t channel);

}  // namespace flownet2
