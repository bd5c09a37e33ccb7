// SPDX-License-Identifier: Apache-2.0
// Operators that look at one element at a time: elementwise, leaky_relu, and the pieces of concat.
//   out[n, c, y, x] = leaky(kind(a[n, c, y, x], b[n, c, y, x]))
// Rounded to the type of out once, at the end.
#include <flownet2/cuda/elementwise.hpp>

#include "cuda/strided.cuh"

namespace flownet2::cuda {
namespace {

struct ElementwiseArguments {
  ConstTensor a, b;
  MutableTensor out;
  Elementwise what;
};

// ---- kernels

__global__ void __launch_bounds__(threads_per_block) elementwise_kernel(ElementwiseArguments e) {
  Place place;
  if (!find_place(e.out.shape, place)) return;
  const ElementwiseKind kind = e.what.kind;
  const std::int64_t a = offset_of(e.a, place);
  const std::int64_t b = offset_of(e.b, place);
  const std::int64_t to = offset_of(e.out, place);
  const auto channels = static_cast<int>(e.out.shape.c);
  CUH_NO_UNROLL
  for (int c = first_channel(); c < channels; c += channel_step()) {
    const float x = value_at(e.a, a + c * e.a.strides.c);
    float y = e.what.factor;
    if (kind != ElementwiseKind::scale) y = value_at(e.b, b + c * e.b.strides.c);
    float value = x * y;
    if (kind == ElementwiseKind::add) value = x + y;
    if (kind == ElementwiseKind::sub) value = x - y;
    put_at(e.out, to + c * e.out.strides.c, leaky(value, e.what.slope));
  }
}

}  // namespace

#if !defined(__CUDACC_RTC__)

// ---- launcher

constexpr const char* op = "elementwise";

void elementwise(const Elementwise& what, const ConstTensor& a, const ConstTensor& b,
                 const MutableTensor& out, void* stream) {
  const bool scales = what.kind == ElementwiseKind::scale;
  check_tensor(op, "a", a);
  check_result(op, a.shape, out);
  if (!scales) {
    check_tensor(op, "b", b);
    if (b.shape != a.shape) {
      fail(op, "b must be " + to_string(a.shape) + ", got " + to_string(b.shape));
    }
    if (what.factor != 1.0f) fail(op, "factor belongs to kind 'scale'");
  }
  const Launch l = over_tensor(op, out);
  const ElementwiseArguments arguments = {a, b, out, what};
  CUH_LAUNCH((elementwise_kernel), blocks_of(l), threads_of(l), 0, stream_of(stream), arguments);
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
