// SPDX-License-Identifier: Apache-2.0
#include "ops/eager_convolution.hpp"

#include <string>
#include <utility>
#include <vector>

#include "cpu/dispatch.hpp"
#include "cpu/memory.hpp"
#include "ops/checks.hpp"
#include "ops/convolution.hpp"
#include "ops/direct_convolution.hpp"
#include "ops/flow_head.hpp"
#include "ops/layout.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t largest = 1 << 20;  // of a stride or padding: products stay far from overflow

const char* name_of(ConvolutionKind kind) {
  return kind == ConvolutionKind::transposed ? "conv_transpose2d" : "conv2d";
}

std::int64_t convolved(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  const std::int64_t room = in + 2 * padding - kernel;
  if (room < 0) {
    fail("conv2d", "a kernel of " + std::to_string(kernel) + " does not fit into " + std::to_string(in) +
                       " pixels with padding " + std::to_string(padding));
  }
  return room / stride + 1;
}

std::int64_t convolved_transposed(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                                  std::int64_t padding) {
  constexpr const char* op = "conv_transpose2d";
  const std::int64_t out = checked_product(op, in - 1, stride) - 2 * padding + kernel;
  if (out < 1) fail(op, "padding " + std::to_string(padding) + " leaves nothing of the output");
  return out;
}

void check_range(const char* op, const char* name, std::int64_t least, std::int64_t rows,
                 std::int64_t columns) {
  if (rows >= least && columns >= least && rows <= largest && columns <= largest) return;
  fail(op, std::string(name) + " must be from " + std::to_string(least) + " to " +
               std::to_string(largest) + ", got (" + std::to_string(rows) + ", " +
               std::to_string(columns) + ")");
}

ConvolutionSpec spec_of(ConvolutionKind kind, const Shape& weight, const ConvolutionOptions& options,
                        Element element) {
  ConvolutionSpec spec;
  spec.transposed = kind == ConvolutionKind::transposed;
  spec.ci = spec.transposed ? weight.n : weight.c;
  spec.co = spec.transposed ? weight.c : weight.n;
  spec.kh = weight.h;
  spec.kw = weight.w;
  spec.sh = options.stride_rows;
  spec.sw = options.stride_columns;
  spec.ph = options.padding_rows;
  spec.pw = options.padding_columns;
  spec.leaky_slope = options.leaky_slope;
  spec.element = element;
  return spec;
}

struct BlockedTensor {
  AlignedFloats data;
  MutableBlocked view;

  BlockedTensor(const char* op, const Shape& shape, Element element)
      : data(aligned_floats(op, words(op, shape))),
        view(data.get(), element, shape.n, shape.c, shape.h, shape.w,
             image_words(element, shape.c, shape.h, shape.w)) {}

  /// For float32, enough for bfloat16.
  static std::int64_t words(const char* op, const Shape& shape) {
    const std::int64_t plane = checked_product(op, checked_product(op, shape.h, shape.w), block_words);
    return checked_product(op, checked_product(op, shape.n, blocks_of(shape.c)), plane);
  }
};

}  // namespace

Shape convolved_shape(ConvolutionKind kind, const Shape& x, const Shape& weight,
                      const ConvolutionOptions& options) {
  const bool transposed = kind == ConvolutionKind::transposed;
  const std::int64_t ci = transposed ? weight.n : weight.c;
  const std::int64_t co = transposed ? weight.c : weight.n;
  if (ci != x.c) {
    fail(name_of(kind),
         "the input has " + std::to_string(x.c) + " channels, the weight wants " + std::to_string(ci));
  }
  const auto size = transposed ? convolved_transposed : convolved;
  return {x.n, co, size(x.h, weight.h, options.stride_rows, options.padding_rows),
          size(x.w, weight.w, options.stride_columns, options.padding_columns)};
}

Shape checked_convolved_shape(ConvolutionKind kind, const Shape& x, const Shape& weight,
                              const ConvolutionOptions& options) {
  const char* op = name_of(kind);
  check_shape(op, "x", x);
  check_shape(op, "weight", weight);
  check_range(op, "stride", 1, options.stride_rows, options.stride_columns);
  check_range(op, "padding", 0, options.padding_rows, options.padding_columns);
  const Shape out = convolved_shape(kind, x, weight, options);
  check_shape(op, "the result", out);
  return out;
}

void convolve(ConvolutionKind kind, ConstView x, ConstView weight, ConstView bias,
              const ConvolutionOptions& options, const ConvolutionChoice& choice, MutableView out) {
  const char* op = name_of(kind);
  check_out(op, checked_convolved_shape(kind, x.shape, weight.shape, options), out);
  check_data(op, "x", x.data);
  check_data(op, "weight", weight.data);
  const Shape bias_shape = {1, out.shape.c, 1, 1};
  if (bias.data != nullptr && bias.shape != bias_shape) {
    fail(op, "bias must be (1, Co, 1, 1) = " + to_string(bias_shape) + ", got " + to_string(bias.shape));
  }
  const ConvolutionSpec spec = spec_of(kind, weight.shape, options, choice.element);
  const KernelTable& kernels = active_kernels();
  if (is_flow_head(spec)) {
    std::vector<HeadWeights> weights;
    weights.push_back(pack_head(spec, weight.data, bias.data));
    return FlowHead(kernels, spec, std::move(weights)).run({x, {}}, out);
  }
  const BlockedTensor blocked_x(op, x.shape, spec.element);
  const BlockedTensor blocked_out(op, out.shape, spec.element);
  to_blocked(x, blocked_x.view);
  const auto convolution = choice.direct ? make_direct_convolution(kernels, spec, weight.data, bias.data)
                                         : make_convolution(spec, weight.data, bias.data);
  convolution->run(blocked_x.view, blocked_out.view);
  to_planar(blocked_out.view, out);
}

}  // namespace flownet2
