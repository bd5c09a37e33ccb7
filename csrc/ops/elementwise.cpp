// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "ops/bands.hpp"
#include "ops/checks.hpp"
#include "ops/pointwise.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "elementwise";

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

void elementwise(const Runs& runs, ElementwiseKind kind, float factor, ConstRuns a, ConstRuns b,
                 MutableRuns out) {
  for_pieces(runs, a, b, out, [=](const float* x, const float* y, float* to, std::int64_t count) {
    elementwise_run(kind, factor, x, y, to, count);
  });
}

void elementwise_band(const Band& band, std::int64_t channels, ElementwiseKind kind, float factor,
                      ConstBand a, ConstBand b, MutableBand out) {
  for (std::int64_t c = 0; c < channels; ++c) {
    elementwise_run(kind, factor, a.channel(c), b.channel(c), out.channel(c), band.pixels());
  }
}

Shape elementwise_shape(ElementwiseKind kind, const std::vector<Shape>& inputs) {
  const std::size_t wanted = kind == ElementwiseKind::scale ? 1 : 2;
  if (inputs.size() != wanted) {
    fail(op,
         "this kind takes " + std::to_string(wanted) + " inputs, got " + std::to_string(inputs.size()));
  }
  if (inputs.front() != inputs.back()) {
    fail(op, "both inputs must have one shape, got " + to_string(inputs.front()) + " and " +
                 to_string(inputs.back()));
  }
  return inputs[0];
}

Shape elementwise_shape(ElementwiseKind kind, ConstView a, ConstView b) {
  check_shape(op, "a", a.shape);
  std::vector<Shape> inputs = {a.shape};
  if (b.data != nullptr || b.shape != Shape{}) inputs.push_back(b.shape);
  return elementwise_shape(kind, inputs);
}

void elementwise(ElementwiseKind kind, ConstView a, ConstView b, float factor, MutableView out) {
  check_out(op, elementwise_shape(kind, a, b), out);
  check_data(op, "a", a.data);
  if (kind == ElementwiseKind::scale) {
    b = a;
  } else {
    check_data(op, "b", b.data);
  }
  elementwise(whole_run(a.shape), kind, factor, {a.data, 0}, {b.data, 0}, {out.data, 0});
}

}  // namespace flownet2
