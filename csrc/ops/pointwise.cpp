// SPDX-License-Identifier: Apache-2.0
#include "ops/pointwise.hpp"

#include <algorithm>

#include "cpu/threads.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t elements_per_task = 1 << 15;

/// Calls work(n, first, last) for pieces of the runs.
template <typename Work>
void for_pieces(const Runs& runs, const Work& work) {
  const std::int64_t pieces = (runs.count + elements_per_task - 1) / elements_per_task;
  parallel_for(runs.images * pieces, [&](std::int64_t task) {
    const std::int64_t first = task % pieces * elements_per_task;
    work(task / pieces, first, std::min(first + elements_per_task, runs.count));
  });
}

template <typename Combine>
void combine(const Runs& runs, ConstRuns a, ConstRuns b, MutableRuns out, const Combine& both) {
  for_pieces(runs, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    const float* x = a.data + n * a.stride;
    const float* y = b.data + n * b.stride;
    float* to = out.data + n * out.stride;
    for (std::int64_t i = first; i < last; ++i) to[i] = both(x[i], y[i]);
  });
}

}  // namespace

void leaky_relu(const Runs& runs, ConstRuns x, float slope, MutableRuns out) {
  combine(runs, x, x, out, [slope](float value, float) { return value > 0.0f ? value : value * slope; });
}

void elementwise(const Runs& runs, ElementwiseKind kind, float factor, ConstRuns a, ConstRuns b,
                 MutableRuns out) {
  switch (kind) {
    case ElementwiseKind::add:
      return combine(runs, a, b, out, [](float x, float y) { return x + y; });
    case ElementwiseKind::sub:
      return combine(runs, a, b, out, [](float x, float y) { return x - y; });
    case ElementwiseKind::mul:
      return combine(runs, a, b, out, [](float x, float y) { return x * y; });
    case ElementwiseKind::scale:
      return combine(runs, a, a, out, [factor](float x, float) { return x * factor; });
  }
}

}  // namespace flownet2
