// SPDX-License-Identifier: Apache-2.0
// Operators that look at one element at a time: the layout does not matter to them.
#pragma once

#include <flownet2/ops.hpp>

#include <cstdint>

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

/// x where x > 0, slope * x elsewhere.
void leaky_relu(const Runs& runs, ConstRuns x, float slope, MutableRuns out);

/// kind of a and b; for ElementwiseKind::scale a times factor, b is not read.
void elementwise(const Runs& runs, ElementwiseKind kind, float factor, ConstRuns a, ConstRuns b,
                 MutableRuns out);

}  // namespace flownet2
