// SPDX-License-Identifier: Apache-2.0
// The tensors of a step as views.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/plan.hpp"
#include "ops/either_layout.hpp"
#include "ops/pointwise.hpp"

namespace flownet2 {

/// The memory of one run.
struct Memories {
  float* arena = nullptr;
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
};

class Tensors {
 public:
  Tensors(const Plan& plan, const Memories& memories) : plan_(plan), memories_(memories) {}

  ConstView planar(const Place& place) const { return {start(place), place.shape}; }
  MutableView planar_out(const Place& place) const { return {writable(place), place.shape}; }

  ConstBlocked blocked(const Place& place) const {
    return as_blocked<ConstBlocked>(start(place), place);
  }
  MutableBlocked blocked_out(const Place& place) const {
    return as_blocked<MutableBlocked>(writable(place), place);
  }

  EitherInput either(const Place& place) const {
    if (place.layout == Layout::planar) return {planar(place), {}};
    return {{}, blocked(place)};
  }

  ConstRuns runs(const Place& place) const { return {start(place) + skipped(place), run_stride(place)}; }
  MutableRuns runs_out(const Place& place) const {
    return {writable(place) + skipped(place), run_stride(place)};
  }

  /// Elements of a tensor, lanes of groups included.
  static Runs count(const Place& place) {
    const Shape& shape = place.shape;
    const bool is_planar = place.layout == Layout::planar;
    const std::int64_t channels = is_planar ? shape.c : blocks_of(shape.c) * channel_block;
    return {shape.n, channels * shape.h * shape.w};
  }

  EitherOutput either_out(const Place& place) const {
    if (place.layout == Layout::planar) return {planar_out(place), {}};
    return {{}, blocked_out(place)};
  }

 private:
  static std::int64_t run_stride(const Place& place) {
    const Shape& shape = place.shape;
    return place.memory == Memory::arena ? place.image_stride : shape.c * shape.h * shape.w;
  }

  /// Words before the first group of a blocked float32 tensor; of a planar one: none.
  static std::int64_t skipped(const Place& place) {
    return place.first_group * channel_block * place.shape.h * place.shape.w;
  }

  const float* start(const Place& place) const {
    if (place.memory == Memory::input) return memories_.inputs[place.index];
    return writable(place);
  }

  float* writable(const Place& place) const {
    if (place.memory == Memory::output) return memories_.outputs[place.index];
    return memories_.arena + plan_.buffers[place.index].offset;
  }

  template <typename View, typename Float>
  View as_blocked(Float* data, const Place& place) const {
    const Shape& shape = place.shape;
    return View(data, plan_.element, shape.n, shape.c, shape.h, shape.w, place.image_stride,
                place.first_group);
  }

  const Plan& plan_;
  const Memories& memories_;
};

}  // namespace flownet2
