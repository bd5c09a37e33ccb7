// SPDX-License-Identifier: Apache-2.0
#include "ops/pointwise.hpp"

#include <algorithm>

#include "cpu/threads.hpp"
#include "ops/bands.hpp"

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

/// Calls run(x, y, to, count) for each piece.
template <typename Run>
void combine(const Runs& runs, ConstRuns a, ConstRuns b, MutableRuns out, const Run& run) {
  for_pieces(runs, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    run(a.data + n * a.stride + first, b.data + n * b.stride + first, out.data + n * out.stride + first,
        last - first);
  });
}

void leaky_run(const float* x, float slope, float* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = x[i] > 0.0f ? x[i] : x[i] * slope;
}

void elementwise_run(ElementwiseKind kind, float factor, const float* a, const float* b, float* out,
                     std::int64_t count) {
  const auto each = [&](const auto& both) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = both(a[i], b[i]);
  };
  switch (kind) {
    case ElementwiseKind::add:
      return each([](float x, float y) { return x + y; });
    case ElementwiseKind::sub:
      return each([](float x, float y) { return x - y; });
    case ElementwiseKind::mul:
      return each([](float x, float y) { return x * y; });
    case ElementwiseKind::scale:
      return each([factor](float x, float) { return x * factor; });
  }
}

}  // namespace

void leaky_relu(const Runs& runs, ConstRuns x, float slope, MutableRuns out) {
  combine(runs, x, x, out, [slope](const float* from, const float*, float* to, std::int64_t count) {
    leaky_run(from, slope, to, count);
  });
}

void leaky_relu_band(const Band& band, std::int64_t channels, ConstBand x, float slope,
                     MutableBand out) {
  for (std::int64_t c = 0; c < channels; ++c) {
    leaky_run(x.channel(c), slope, out.channel(c), band.pixels());
  }
}

void elementwise(const Runs& runs, ElementwiseKind kind, float factor, ConstRuns a, ConstRuns b,
                 MutableRuns out) {
  combine(runs, a, b, out, [=](const float* x, const float* y, float* to, std::int64_t count) {
    elementwise_run(kind, factor, x, y, to, count);
  });
}

void elementwise_band(const Band& band, std::int64_t channels, ElementwiseKind kind, float factor,
                      ConstBand a, ConstBand b, MutableBand out) {
  for (std::int64_t c = 0; c < channels; ++c) {
    elementwise_run(kind, factor, a.channel(c), b.channel(c), out.channel(c), band.pixels());
  }
}

}  // namespace flownet2
