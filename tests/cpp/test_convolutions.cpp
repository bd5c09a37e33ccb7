// SPDX-License-Identifier: Apache-2.0
// conv2d and conv_transpose2d of ops.hpp: by hand, against the definition, against the bits of a
// network, and what is refused.
#include <flownet2/ops.hpp>
#include <flownet2/runtime.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

#include "engine/network.hpp"
#include "tensors.hpp"

namespace {

using namespace flownet2;
using namespace flownet2::testing;

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

Values conv2d_of(ConstView x, ConstView weight, ConstView bias, const ConvolutionOptions& options) {
  return computed(conv2d_shape(x.shape, weight.shape, options),
                  [&](MutableView out) { conv2d(x, weight, bias, options, out); });
}

Values conv_transpose2d_of(ConstView x, ConstView weight, ConstView bias,
                           const ConvolutionOptions& options) {
  return computed(conv_transpose2d_shape(x.shape, weight.shape, options),
                  [&](MutableView out) { conv_transpose2d(x, weight, bias, options, out); });
}

TEST_CASE("conv2d by hand") {
  const Tensor x({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor weight({2, 1, 2, 2}, {1, 0, 0, 1, 0, 1, 0, 0});
  const Tensor bias({1, 2, 1, 1}, {10, -100});
  CHECK(conv2d_of(x, weight, bias, {}) == Values{16, 18, 22, 24, -98, -97, -95, -94});
  ConvolutionOptions options;
  options.leaky_slope = 0.5f;
  CHECK(conv2d_of(x, weight, bias, options) == Values{16, 18, 22, 24, -49, -48.5f, -47.5f, -47});
  options = {};
  options.stride_rows = 2;
  options.padding_rows = 1;
  CHECK(conv2d_of(x, weight, empty, options) == Values{2, 3, 12, 14, 0, 0, 5, 6});
}

TEST_CASE("conv_transpose2d by hand") {
  const Tensor x({1, 2, 1, 2}, {1, 2, 3, 4});
  const Tensor weight({2, 1, 2, 2}, {1, 2, 3, 4, 0, 1, 0, 0});
  const Tensor bias({1, 1, 1, 1}, {1});
  ConvolutionOptions options;
  options.stride_columns = 2;
  CHECK(conv_transpose2d_of(x, weight, bias, options) == Values{2, 6, 3, 9, 4, 5, 7, 9});
  options.padding_columns = 1;
  options.leaky_slope = 0.1f;
  CHECK(conv_transpose2d_of(x, weight, empty, options) == Values{5, 2, 4, 6});
}

struct Layer {
  Shape x;
  std::int64_t co, kh, kw;
  ConvolutionOptions options;
  bool transposed;

  Shape weight() const { return transposed ? Shape{x.c, co, kh, kw} : Shape{co, x.c, kh, kw}; }
};

const std::vector<Layer> layers = {
    {{1, 1, 1, 1}, 1, 1, 1, {1, 1, 0, 0, {}}, false},
    {{2, 3, 7, 5}, 2, 3, 3, {1, 1, 1, 1, {}}, false},       // a flow head
    {{1, 5, 9, 11}, 7, 3, 5, {2, 3, 1, 4, 0.1f}, false},    // nothing square
    {{2, 17, 13, 9}, 33, 3, 3, {1, 1, 1, 1, 0.1f}, false},  // Winograd's algorithm, if any
    {{1, 64, 31, 37}, 64, 3, 3, {1, 1, 1, 1, -0.5f}, false},
    {{1, 3, 19, 21}, 64, 7, 7, {2, 2, 3, 3, 0.1f}, false},
    {{1, 6, 3, 5}, 2, 4, 4, {2, 2, 1, 1, {}}, true},
    {{2, 20, 5, 7}, 18, 4, 4, {2, 2, 1, 1, 0.1f}, true},
    {{1, 3, 4, 3}, 9, 5, 2, {3, 1, 2, 0, {}}, true},
};

Values convolved(const Layer& layer, ConstView x, ConstView weight, ConstView bias) {
  return layer.transposed ? conv_transpose2d_of(x, weight, bias, layer.options)
                          : conv2d_of(x, weight, bias, layer.options);
}

/// What value (i, j) of one kernel adds to one plane. A plain convolution reads where its transpose
/// writes.
void add_tap(const Layer& layer, std::int64_t i, std::int64_t j, double weight, const float* from,
             const Shape& out, double* to) {
  const ConvolutionOptions& o = layer.options;
  const Shape& coarse = layer.transposed ? layer.x : out;
  const Shape& fine = layer.transposed ? out : layer.x;
  for (std::int64_t y = 0; y < coarse.h; ++y) {
    for (std::int64_t x = 0; x < coarse.w; ++x) {
      const std::int64_t fine_y = y * o.stride_rows + i - o.padding_rows;
      const std::int64_t fine_x = x * o.stride_columns + j - o.padding_columns;
      if (fine_y < 0 || fine_x < 0 || fine_y >= fine.h || fine_x >= fine.w) continue;
      const std::int64_t here = y * coarse.w + x;
      const std::int64_t there = fine_y * fine.w + fine_x;
      to[layer.transposed ? there : here] +=
          weight * static_cast<double>(from[layer.transposed ? here : there]);
    }
  }
}

std::vector<double> defined(const Layer& layer, ConstView x, ConstView weight, ConstView bias,
                            const Shape& out) {
  std::vector<double> sums(count_of(out));
  for (std::int64_t plane = 0; plane < out.n * out.c; ++plane) {
    const std::int64_t co = plane % out.c;
    double* sum = sums.data() + plane * out.h * out.w;
    for (std::int64_t ci = 0; ci < x.shape.c; ++ci) {
      const float* from = x.plane(plane / out.c, ci);
      const float* kernel = layer.transposed ? weight.plane(ci, co) : weight.plane(co, ci);
      for (std::int64_t tap = 0; tap < layer.kh * layer.kw; ++tap) {
        add_tap(layer, tap / layer.kw, tap % layer.kw, static_cast<double>(kernel[tap]), from, out, sum);
      }
    }
    for (std::int64_t i = 0; i < out.h * out.w; ++i) {
      sum[i] += static_cast<double>(bias.data[co]);
      const auto slope = layer.options.leaky_slope;
      if (slope && sum[i] < 0) sum[i] *= static_cast<double>(*slope);
    }
  }
  return sums;
}

TEST_CASE("convolutions against the definition") {
  set_num_threads(2);
  for (const Layer& layer : layers) {
    INFO((layer.transposed ? "transposed " : ""), layer.x.c, " -> ", layer.co, ", ", layer.kh, "x",
         layer.kw);
    const Tensor x = random_tensor(layer.x, 1);
    const Tensor weight = random_tensor(layer.weight(), 2);
    const Tensor bias = random_tensor({1, layer.co, 1, 1}, 3);
    const Values got = convolved(layer, x, weight, bias);
    const Shape out =
        (layer.transposed ? conv_transpose2d_shape : conv2d_shape)(x.shape, weight.shape, layer.options);
    const std::vector<double> expected = defined(layer, x, weight, bias, out);
    double worst = 0.0;
    double largest = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double error = std::fabs(static_cast<double>(got[i]) - expected[i]);
      worst = error <= worst ? worst : error;  // NaN stays
      largest = std::max(largest, std::fabs(expected[i]));
    }
    CHECK(worst <= 3e-5 * largest);
  }
}

std::string text_of(std::int64_t a, std::int64_t b) {
  return "[" + std::to_string(a) + ", " + std::to_string(b) + "]";
}

std::string graph_of(const Layer& layer) {
  const Shape weight = layer.weight();
  const ConvolutionOptions& o = layer.options;
  return R"({"schema": 1, "name": "test", "size_multiple": 1, "inputs": [{"name": "x", "channels": )" +
         std::to_string(layer.x.c) + R"(}], "parameters": {"w": [)" + std::to_string(weight.n) + ", " +
         std::to_string(weight.c) + ", " + std::to_string(weight.h) + ", " + std::to_string(weight.w) +
         R"(], "b": [)" + std::to_string(layer.co) + R"(]}, "nodes": [{"name": "y", "op": ")" +
         (layer.transposed ? "conv_transpose2d" : "conv2d") +
         R"(", "inputs": ["x"], "attributes": {"stride": )" + text_of(o.stride_rows, o.stride_columns) +
         R"(, "padding": )" + text_of(o.padding_rows, o.padding_columns) + R"(, "leaky_slope": )" +
         (o.leaky_slope ? std::to_string(*o.leaky_slope) : "null") +
         R"(}, "parameters": {"weight": "w", "bias": "b"}}], "outputs": {"flow": "y"}})";
}

TEST_CASE("convolutions have the bits of a network's") {
  for (const Layer& layer : layers) {
    INFO((layer.transposed ? "transposed " : ""), layer.x.c, " -> ", layer.co, ", ", layer.kh, "x",
         layer.kw);
    const Tensor x = random_tensor(layer.x, 1);
    const Tensor weight = random_tensor(layer.weight(), 2);
    const Tensor bias = random_tensor({1, layer.co, 1, 1}, 3);
    const auto parameters = [&](const std::string& name) -> Parameter {
      if (name == "b") return {{layer.co}, bias.values.data(), nullptr};
      const Shape& shape = weight.shape;
      return {{shape.n, shape.c, shape.h, shape.w}, weight.values.data(), nullptr};
    };
    const Network network(parse_graph(graph_of(layer)), parameters);
    const Shape out = network.output_shapes({{"x", x.shape}}, {"y"})[0];
    const Values expected = computed(out, [&](MutableView to) { network.run({{"x", x}}, {{"y", to}}); });
    CHECK(convolved(layer, x, weight, bias) == expected);
  }
}

TEST_CASE("convolutions refuse what does not fit") {
  const Shape x = {1, 3, 6, 6};
  const auto shape = [&](const Shape& weight, const ConvolutionOptions& options) {
    return refusal([&] { conv2d_shape(x, weight, options); });
  };
  CHECK(shape({5, 4, 3, 3}, {}) == "conv2d: the input has 3 channels, the weight wants 4");
  CHECK(shape({5, 3, 9, 3}, {}) == "conv2d: a kernel of 9 does not fit into 6 pixels with padding 0");
  CHECK(shape({5, 3, 0, 3}, {}) ==
        "conv2d: weight must be (N, C, H, W) with no empty axis, got (5, 3, 0, 3)");
  CHECK(shape({5, 3, 3, 3}, {0, 1, 0, 0, {}}) == "conv2d: stride must be from 1 to 1048576, got (0, 1)");
  CHECK(shape({5, 3, 3, 3}, {1, 1, 0, -1, {}}) ==
        "conv2d: padding must be from 0 to 1048576, got (0, -1)");
  CHECK(shape({5, 3, 3, 3}, {1, huge, 0, 0, {}}) != "");
  CHECK(refusal([&] { conv_transpose2d_shape(x, {4, 5, 3, 3}, {}); }) ==
        "conv_transpose2d: the input has 3 channels, the weight wants 4");
  CHECK(refusal([&] { conv_transpose2d_shape(x, {3, 5, 3, 3}, {1, 1, 4, 0, {}}); }) ==
        "conv_transpose2d: padding 4 leaves nothing of the output");
  const Shape wide = {1, 3, 1, std::int64_t{1} << 50};
  CHECK(refusal([&] { conv_transpose2d_shape(wide, {3, 5, 3, 3}, {1, 1 << 20, 0, 0, {}}); },
                ErrorCode::too_large) ==
        "conv_transpose2d: the result would not fit into the address space");
}

TEST_CASE("convolutions refuse views that do not fit") {
  const Tensor x({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor weight({1, 1, 1, 1}, {1});
  const Tensor bias({1, 2, 1, 1}, {1, 2});
  Values values(4);
  const MutableView out(values.data(), x.shape);
  CHECK(refusal([&] { conv2d({nullptr, x.shape}, weight, {}, {}, out); }) == "conv2d: x has no data");
  CHECK(refusal([&] { conv2d(x, {nullptr, weight.shape}, {}, {}, out); }) ==
        "conv2d: weight has no data");
  CHECK(refusal([&] { conv2d(x, weight, bias, {}, out); }) ==
        "conv2d: bias must be (1, Co, 1, 1) = (1, 1, 1, 1), got (1, 2, 1, 1)");
  CHECK(refusal([&] { conv2d(x, weight, {}, {}, {values.data(), {1, 1, 4, 1}}); }) ==
        "conv2d: out must be (1, 1, 2, 2), got (1, 1, 4, 1)");
  CHECK(refusal([&] { conv2d(x, weight, {}, {}, {nullptr, x.shape}); }) == "conv2d: out has no data");
  CHECK(refusal([&] { conv_transpose2d({}, weight, {}, {}, out); }) != "");
}

TEST_CASE("the largest strides and paddings take neither time nor memory") {
  constexpr std::int64_t most = 1 << 20;
  const Tensor x({1, 1, 1, 1}, {2});
  const Tensor plain = random_tensor({5, 1, 1, 1}, 1);
  const Values spread = conv2d_of(x, plain, empty, {most, most, most, most, {}});
  REQUIRE(spread.size() == 5 * 3 * 3);
  for (std::size_t i = 0; i < spread.size(); ++i) {
    CHECK(spread[i] == (i % 9 == 4 ? 2 * plain.values[i / 9] : 0.0f));
  }
  const Tensor wide = random_tensor({1, 5, 1, 1}, 1);
  CHECK(
      refusal([&] { conv_transpose2d_of(x, wide, empty, {most, most, 0, 0, {}}); }) ==
      "conv_transpose2d: rows times columns of stride may be at most 65536, got 1048576 times 1048576");
  CHECK(conv_transpose2d_of(x, wide, empty, {256, 256, 0, 0, {}}) ==
        conv_transpose2d_of(x, wide, empty, {}));
}

}  // namespace
