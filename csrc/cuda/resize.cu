// SPDX-License-Identifier: Apache-2.0
// Resampling of planar float32, as torch.nn.functional.interpolate.
//   nearest:  out[.., y, x] = x[.., y * H / height, x * W / width], rounded down
//   bilinear: the four neighbours of resampling.cuh, rows blended first
// A thread computes one element.
#include <flownet2/cuda/resize.hpp>

#include "cuda/resampling.cuh"
#include "cuda/values.cuh"

namespace flownet2::cuda {
namespace {

constexpr const char* op = "resize";

struct ResizeArguments {
  const float* x;
  float* out;
  std::int64_t planes;
  int h, w, height, width;
  bool corners;
};

// ---- kernels

/// Index: what 2 * side * side fits into; divisions of 64 bits are slow.
template <typename Index, bool Nearest>
__global__ void __launch_bounds__(threads_per_block) resize_kernel(ResizeArguments a) {
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (x >= a.width) return;
  const auto step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  const std::int64_t first = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y;
  for (std::int64_t plane = blockIdx.z; plane < a.planes; plane += gridDim.z) {
    const float* from = a.x + plane * a.h * a.w;
    float* to = a.out + plane * a.height * a.width + x;
    for (std::int64_t y = first; y < a.height; y += step) {
      if (Nearest) {
        const auto line = static_cast<Index>(y) * static_cast<Index>(a.h) / static_cast<Index>(a.height);
        const auto column =
            static_cast<Index>(x) * static_cast<Index>(a.w) / static_cast<Index>(a.width);
        to[y * a.width] = __ldg(from + static_cast<std::int64_t>(line) * a.w + column);
        continue;
      }
      const Tap column = bilinear_tap<Index>(x, a.w, a.width, a.corners);
      const Tap line = bilinear_tap<Index>(static_cast<int>(y), a.h, a.height, a.corners);
      const float* top = from + std::int64_t{line.first} * a.w;
      const float* bottom = from + std::int64_t{line.second} * a.w;
      to[y * a.width] = blend(__ldg(top + column.first), __ldg(top + column.second),
                              __ldg(bottom + column.first), __ldg(bottom + column.second), line, column);
    }
  }
}

// ---- launcher

bool fits_32_bits(const Shape& in, const Shape& out) {
  constexpr std::int64_t most = 0xffffffff;
  return 2 * in.h * out.h <= most && 2 * in.w * out.w <= most;
}

template <typename Index>
void launch_resize(const ResizeArguments& a, bool nearest, void* stream) {
  const Launch l = over_image(op, a.height, a.width, a.planes);
  if (nearest) {
    CUH_LAUNCH((resize_kernel<Index, true>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  } else {
    CUH_LAUNCH((resize_kernel<Index, false>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  }
}

}  // namespace

void resize(const float* x, const Shape& shape, const ResizeOptions& options, float* out, void* stream) {
  const Shape to = {shape.n, shape.c, options.height, options.width};
  const bool nearest = options.mode == ResizeMode::nearest;
  check_shape(op, "x", shape);
  check_shape(op, "out", to);
  if (nearest && options.align_corners) fail(op, "align_corners has no meaning for mode 'nearest'");
  if (std::max({shape.h, shape.w, to.h, to.w}) > longest_side) {
    fail(op, "no side may have more than 2 ** 30 pixels");
  }
  check_pointer(op, "x", x, 4);
  check_pointer(op, "out", out, 4);
  const ResizeArguments arguments = {x,
                                     out,
                                     shape.n * shape.c,
                                     static_cast<int>(shape.h),
                                     static_cast<int>(shape.w),
                                     static_cast<int>(to.h),
                                     static_cast<int>(to.w),
                                     options.align_corners};
  if (fits_32_bits(shape, to)) {
    launch_resize<unsigned>(arguments, nearest, stream);
  } else {
    launch_resize<unsigned long long>(arguments, nearest, stream);
  }
  check_launch(op);
}

}  // namespace flownet2::cuda
