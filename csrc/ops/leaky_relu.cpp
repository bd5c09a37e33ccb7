// SPDX-License-Identifier: Apache-2.0
#include "ops/bands.hpp"
#include "ops/checks.hpp"
#include "ops/pointwise.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "leaky_relu";

void leaky_run(const float* x, float slope, float* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = x[i] > 0.0f ? x[i] : x[i] * slope;
}

}  // namespace

void leaky_relu(const Runs& runs, ConstRuns x, float slope, MutableRuns out) {
  for_pieces(runs, x, x, out, [slope](const float* from, const float*, float* to, std::int64_t count) {
    leaky_run(from, slope, to, count);
  });
}

void leaky_relu_band(const Band& band, std::int64_t channels, ConstBand x, float slope,
                     MutableBand out) {
  for (std::int64_t c = 0; c < channels; ++c) {
    leaky_run(x.channel(c), slope, out.channel(c), band.pixels());
  }
}

Shape leaky_relu_shape(const Shape& x) {
  check_shape(op, "x", x);
  return x;
}

void leaky_relu(ConstView x, float slope, MutableView out) {
  check_out(op, leaky_relu_shape(x.shape), out);
  check_data(op, "x", x.data);
  leaky_relu(whole_run(x.shape), {x.data, 0}, slope, {out.data, 0});
}

}  // namespace flownet2
