// SPDX-License-Identifier: Apache-2.0
// Operators that look at one element at a time: the layout does not matter to them.
#pragma once

#include <flownet2/ops.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/threads.hpp"

namespace flownet2 {

/// `images` runs of `count` elements. Lanes beyond the channels of a blocked tensor are elements too; 0
/// stays 0.
struct Runs {
  std::int64_t images = 0;
  std::int64_t count = 0;
};

/// A tensor as runs: image n begins at data + n * stride.
template <typename T>
struct RunData {
  T* data = nullptr;
  std::int64_t stride = 0;
};

using ConstRuns = RunData<const float>;
using MutableRuns = RunData<float>;

/// A planar tensor as one run.
inline Runs whole_run(const Shape& shape) { return {1, shape.n * shape.c * shape.h * shape.w}; }

/// Calls run(x, y, to, count) for pieces of the runs.
template <typename Run>
void for_pieces(const Runs& runs, ConstRuns a, ConstRuns b, MutableRuns out, const Run& run) {
  constexpr std::int64_t elements_per_task = 1 << 15;
  const std::int64_t pieces = (runs.count + elements_per_task - 1) / elements_per_task;
  parallel_for(runs.images * pieces, [&](std::int64_t task) {
    const std::int64_t n = task / pieces;
    const std::int64_t first = task % pieces * elements_per_task;
    run(a.data + n * a.stride + first, b.data + n * b.stride + first, out.data + n * out.stride + first,
        std::min(elements_per_task, runs.count - first));
  });
}

/// x where x > 0, slope * x elsewhere.
void leaky_relu(const Runs& runs, ConstRuns x, float slope, MutableRuns out);

/// kind of a and b; for ElementwiseKind::scale a times factor, b is not read.
void elementwise(const Runs& runs, ElementwiseKind kind, float factor, ConstRuns a, ConstRuns b,
                 MutableRuns out);

/// Shapes of results, with the checks of ops.hpp.
Shape leaky_relu_shape(const Shape& x);
Shape elementwise_shape(ElementwiseKind kind, ConstView a, ConstView b);

/// For any number of inputs that are legal by themselves.
Shape elementwise_shape(ElementwiseKind kind, const std::vector<Shape>& inputs);

}  // namespace flownet2
