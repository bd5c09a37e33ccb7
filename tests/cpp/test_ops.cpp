// SPDX-License-Identifier: Apache-2.0
// The operators of ops.hpp but for convolutions (test_convolutions.cpp): small cases by hand, and what
// is refused. Python's tests hold the same code against its reference.
#include <flownet2/ops.hpp>
#include <flownet2/runtime.hpp>

#include <cstdint>
#include <doctest/doctest.h>

#include "tensors.hpp"

namespace {

using namespace flownet2;
using namespace flownet2::testing;

TEST_CASE("leaky_relu by hand") {
  const Tensor x({1, 3, 1, 1}, {-2, 0, 3});
  CHECK(computed(x.shape, [&](MutableView out) { leaky_relu(x, 0.5f, out); }) == Values{-1, 0, 3});
}

TEST_CASE("correlation by hand") {
  const Tensor a({1, 2, 1, 2}, {1, 2, 3, 4});
  const Tensor b({1, 2, 1, 2}, {5, 6, 7, 8});
  CorrelationOptions options;
  options.max_displacement = options.stride = 1;
  const Shape shape = correlation_shape(a.shape, b.shape, options);
  CHECK(shape == Shape{1, 9, 1, 2});
  const auto correlated = [&] {
    return computed(shape, [&](MutableView out) { correlation(a, b, options, out); });
  };
  CHECK(correlated() == Values{0, 0, 0, 0, 0, 0, 0, 38, 26, 44, 30, 0, 0, 0, 0, 0, 0, 0});
  options.reduction = Reduction::mean;
  CHECK(correlated() == Values{0, 0, 0, 0, 0, 0, 0, 19, 13, 22, 15, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("warp by hand") {
  const Tensor x({1, 1, 1, 3}, {10, 20, 40});
  const Tensor flow({1, 2, 1, 3}, {0.5f, 1, 1, 0, 0, 0});
  WarpOptions options;
  const auto warped = [&] {
    return computed(x.shape, [&](MutableView out) { warp(x, flow, options, out); });
  };
  CHECK(warped() == Values{15, 40, 40});
  options.padding = Padding::zeros;
  CHECK(warped() == Values{15, 40, 0});
  options.padding = Padding::cut;
  CHECK(warped() == Values{15, 40, 0});
}

TEST_CASE("warp cuts at W, not at W - 1") {
  const Tensor x({1, 1, 1, 4}, {10, 20, 40, 80});
  const Tensor flow({1, 2, 1, 4}, {-0.25f, 1, 1.75f, 1, 0, 0, 0, 0});
  WarpOptions options;
  options.padding = Padding::cut;
  const auto warped = [&] {
    return computed(x.shape, [&](MutableView out) { warp(x, flow, options, out); });
  };
  CHECK(warped() == Values{0, 40, 80, 0});
  options.padding = Padding::zeros;
  CHECK(warped() == Values{7.5f, 40, 20, 0});
}

TEST_CASE("resize by hand") {
  const Tensor x({1, 1, 2, 2}, {1, 2, 3, 4});
  ResizeOptions options;
  options.height = options.width = 3;
  options.align_corners = true;
  const auto resized = [&] {
    return computed(resize_shape(x.shape, options), [&](MutableView out) { resize(x, options, out); });
  };
  CHECK(resized() == Values{1, 1.5f, 2, 2, 2.5f, 3, 3, 3.5f, 4});
  options = {2, 4, ResizeMode::nearest, false};
  CHECK(resized() == Values{1, 1, 2, 2, 3, 3, 4, 4});
}

TEST_CASE("channel_norm by hand") {
  const Tensor x({2, 2, 1, 1}, {3, 4, 5, 12});
  const Shape shape = channel_norm_shape(x.shape);
  CHECK(shape == Shape{2, 1, 1, 1});
  CHECK(computed(shape, [&](MutableView out) { channel_norm(x, out); }) == Values{5, 13});
}

TEST_CASE("concat by hand") {
  const Tensor a({2, 1, 1, 2}, {1, 2, 3, 4});
  const Tensor b({2, 2, 1, 2}, {5, 6, 7, 8, 9, 10, 11, 12});
  const Shape shape = concat_shape({a.shape, b.shape});
  CHECK(shape == Shape{2, 3, 1, 2});
  CHECK(computed(shape, [&](MutableView out) { concat({a, b}, out); }) ==
        Values{1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12});
  CHECK(computed(a.shape, [&](MutableView out) { concat({a}, out); }) == a.values);
}

TEST_CASE("elementwise by hand") {
  const Tensor a({1, 3, 1, 1}, {1, 2, 3});
  const Tensor b({1, 3, 1, 1}, {4, 6, 10});
  const auto combined = [&](ElementwiseKind kind, ConstView second, float factor) {
    return computed(a.shape, [&](MutableView out) { elementwise(kind, a, second, factor, out); });
  };
  CHECK(combined(ElementwiseKind::add, b, 7.0f) == Values{5, 8, 13});
  CHECK(combined(ElementwiseKind::sub, b, 7.0f) == Values{-3, -4, -7});
  CHECK(combined(ElementwiseKind::mul, b, 7.0f) == Values{4, 12, 30});
  CHECK(combined(ElementwiseKind::scale, empty, 7.0f) == Values{7, 14, 21});
}

TEST_CASE("more elements than a task has") {
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const Tensor x = random_tensor({2, 3, 111, 113}, 1);
    Values expected = x.values;
    for (float& value : expected) value *= -2.0f;
    CHECK(computed(x.shape, [&](MutableView out) {
            elementwise(ElementwiseKind::scale, x, {}, -2.0f, out);
          }) == expected);
    expected = x.values;
    for (float& value : expected) value = value > 0.0f ? value : 0.25f * value;
    CHECK(computed(x.shape, [&](MutableView out) { leaky_relu(x, 0.25f, out); }) == expected);
  }
}

TEST_CASE("what does not fit is refused") {
  const Tensor x({1, 2, 1, 1}, {1, 2});
  const Tensor y({1, 1, 1, 2}, {1, 2});
  Values values(2);
  const MutableView out(values.data(), x.shape);
  CHECK(refusal([&] { leaky_relu(empty, 0.1f, out); }) ==
        "leaky_relu: x must be (N, C, H, W) with no empty axis, got (0, 0, 0, 0)");
  CHECK(refusal([&] { leaky_relu({nullptr, x.shape}, 0.1f, out); }) == "leaky_relu: x has no data");
  CHECK(refusal([&] { leaky_relu(y, 0.1f, out); }) ==
        "leaky_relu: out must be (1, 1, 1, 2), got (1, 2, 1, 1)");
  CHECK(refusal([&] { concat_shape({}); }) == "concat: needs at least one input");
  CHECK(refusal([&] { concat_shape({x.shape, y.shape}); }) ==
        "concat: all inputs must share N, H, W; the first is (1, 2, 1, 1), another (1, 1, 1, 2)");
  CHECK(refusal([&] { concat_shape({x.shape, {1, 0, 1, 1}}); }) ==
        "concat: input 1 must be (N, C, H, W) with no empty axis, got (1, 0, 1, 1)");
  const Shape half = {1, std::int64_t{1} << 59, 1, 1};
  CHECK(refusal([&] { concat_shape({half, half}); }, ErrorCode::too_large) != "");
  CHECK(refusal([&] { concat({{nullptr, x.shape}}, out); }) == "concat: input 0 has no data");
  CHECK(refusal([&] { elementwise(ElementwiseKind::add, x, y, 1.0f, out); }) ==
        "elementwise: both inputs must have one shape, got (1, 2, 1, 1) and (1, 1, 1, 2)");
  CHECK(refusal([&] { elementwise(ElementwiseKind::add, x, {}, 1.0f, out); }) ==
        "elementwise: this kind takes 2 inputs, got 1");
  CHECK(refusal([&] { elementwise(ElementwiseKind::scale, x, x, 1.0f, out); }) ==
        "elementwise: this kind takes 1 inputs, got 2");
  CHECK(refusal([&] { elementwise(ElementwiseKind::mul, x, {nullptr, x.shape}, 1.0f, out); }) ==
        "elementwise: b has no data");
  CHECK(refusal([&] { warp_shape(x.shape, x.shape); }) == "");
  CHECK(refusal([&] { warp_shape(x.shape, y.shape); }) != "");
  CHECK(refusal([&] { resize_shape(x.shape, {}); }) ==
        "resize: size must be at least (1, 1), got (0, 0)");
  CHECK(refusal([&] { channel_norm(x, out); }) ==
        "channel_norm: out must be (1, 1, 1, 1), got (1, 2, 1, 1)");
  CHECK(refusal([&] { correlation_shape(x.shape, y.shape, {}); }) != "");
}

}  // namespace
