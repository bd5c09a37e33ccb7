// SPDX-License-Identifier: Apache-2.0
// The windows of a convolution, NHWC, as the rows of a matrix (im2col): the left factor of its product.
//   out[n, y, x, ky, kx, c] = in[n, y * stride + ky - top, x * stride + kx - left, c], 0 outside
// A thread copies one piece of a pixel: 16 bytes, or an element or two where those do not fit.
#include <flownet2/cuda/gather.hpp>

#include "cuda/values.cuh"

namespace flownet2::cuda {
namespace {

constexpr std::int64_t widest = 1 << 12;  // kernel, stride, padding

struct GatherArguments {
  const void* in;
  void* out;
  std::int64_t first, pixels;  // row of the first pixel; their number
  int h, w, out_h, out_w, taps_across, stride, top, left;
  int pieces;     // of a pixel of the input
  int pitch;      // pieces from one pixel of the input to the next
  int of_window;  // pieces of a row of the matrix
};

// ---- kernels

template <typename Piece>
__global__ void __launch_bounds__(threads_per_block) gather_kernel(GatherArguments a) {
  const std::int64_t pixel = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  const int at = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
  if (pixel >= a.pixels || at >= a.of_window) return;
  const auto number = static_cast<unsigned>(pixel);
  const unsigned down = number / static_cast<unsigned>(a.out_w);
  const int column = static_cast<int>(number - down * static_cast<unsigned>(a.out_w));
  const auto row = static_cast<unsigned>(a.first + down);  // of all images
  const unsigned image = row / static_cast<unsigned>(a.out_h);
  const int line = static_cast<int>(row - image * static_cast<unsigned>(a.out_h));
  const int tap = at / a.pieces;
  const int y = line * a.stride + tap / a.taps_across - a.top;
  const int x = column * a.stride + tap % a.taps_across - a.left;
  Piece value = {};
  if (y >= 0 && y < a.h && x >= 0 && x < a.w) {
    const std::int64_t from = (static_cast<std::int64_t>(image) * a.h + y) * a.w + x;
    value = __ldg(static_cast<const Piece*>(a.in) + from * a.pitch + (at - tap * a.pieces));
  }
  static_cast<Piece*>(a.out)[pixel * a.of_window + at] = value;
}

#if defined(__CUDACC_RTC__)

// NVRTC has no launches, which would say which kernels there are.
template __global__ void gather_kernel<uint4>(GatherArguments);
template __global__ void gather_kernel<unsigned>(GatherArguments);
template __global__ void gather_kernel<unsigned short>(GatherArguments);

#else

// ---- launcher

constexpr const char* op = "gather";

void check(const Gather& g, std::int64_t first, std::int64_t last) {
  check_shape(op, "in", g.in);
  if (g.bytes != 2 && g.bytes != 4) fail(op, "an element must have 2 or 4 bytes");
  const std::int64_t least =
      std::min({g.kernel_rows, g.kernel_columns, g.stride, g.out_rows, g.out_columns});
  const std::int64_t most =
      std::max({g.kernel_rows, g.kernel_columns, g.stride, g.padding_top, g.padding_left});
  if (least < 1 || most > widest || std::min(g.padding_top, g.padding_left) < 0) {
    fail(op,
         "kernel, stride and output size must be at least 1, kernel, stride and padding at most 4096");
  }
  constexpr std::int64_t longest = 1 << 18;  // times the stride it is countable in 32 bits
  if (std::max({g.in.h, g.in.w, g.out_rows, g.out_columns}) > longest || g.in.c > longest) {
    fail(op, "no side may have more than 2 ** 18 pixels, no pixel more than 2 ** 18 channels");
  }
  const std::int64_t rows = checked_product(op, g.in.n, g.out_rows);
  if (rows > most_pixels) fail(op, "the images may have 2 ** 31 - 1 rows of output at most");
  if (first < 0 || first >= last || last > rows) {
    fail(op, "rows must be some of 0.." + std::to_string(rows) + ", got " + std::to_string(first) +
                 ".." + std::to_string(last));
  }
  const std::int64_t window = checked_product(op, g.kernel_rows * g.kernel_columns, g.in.c * g.bytes);
  if (window > most_pixels) fail(op, "a window may have 2 ** 31 - 1 bytes at most");
  checked_product(op, checked_product(op, rows, g.out_columns), window);
  if (g.pitch < g.in.c || g.pitch > most_pixels / 4) {
    fail(op, "the pitch must be from " + std::to_string(g.in.c) + " channels to 2 ** 29, got " +
                 std::to_string(g.pitch));
  }
  checked_product(op, checked_product(op, g.in.n * g.in.h, g.in.w), g.pitch * g.bytes);
}

template <typename Piece>
void launch_gather(GatherArguments a, const Gather& g, void* stream) {
  a.pieces = static_cast<int>(g.in.c * g.bytes / static_cast<std::int64_t>(sizeof(Piece)));
  a.pitch = static_cast<int>(g.pitch * g.bytes / static_cast<std::int64_t>(sizeof(Piece)));
  a.of_window = static_cast<int>(g.kernel_rows * g.kernel_columns) * a.pieces;
  const Launch l = over_pieces(op, a.pixels, a.of_window);
  CUH_LAUNCH((gather_kernel<Piece>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
}

#endif  // not NVRTC

}  // namespace

#if !defined(__CUDACC_RTC__)

Gather convolution_windows(const Shape& in, std::int64_t pitch, std::int64_t bytes, std::int64_t kernel,
                           std::int64_t stride, std::int64_t padding) {
  if (std::min(kernel, stride) < 1 || padding < 0 || std::max({kernel, stride, padding}) > widest) {
    fail(op, "kernel and stride must be in 1..4096, padding in 0..4096");
  }
  // A kernel beyond the padded image leaves no output: 0 rows, which gather() refuses.
  const std::int64_t down = std::max<std::int64_t>(in.h + 2 * padding - kernel + stride, 0) / stride;
  const std::int64_t across = std::max<std::int64_t>(in.w + 2 * padding - kernel + stride, 0) / stride;
  return {in, pitch, bytes, kernel, kernel, stride, padding, padding, down, across};
}

void gather(const void* in, const Gather& what, std::int64_t first, std::int64_t last, void* out,
            void* stream) {
  check(what, first, last);
  check_pointer(op, "in", in, what.bytes);
  check_pointer(op, "out", out, what.bytes);
  GatherArguments a{};
  a.in = in;
  a.out = out;
  a.first = first;
  a.pixels = checked_product(op, last - first, what.out_columns);
  a.h = static_cast<int>(what.in.h);
  a.w = static_cast<int>(what.in.w);
  a.out_h = static_cast<int>(what.out_rows);
  a.out_w = static_cast<int>(what.out_columns);
  a.taps_across = static_cast<int>(what.kernel_columns);
  a.stride = static_cast<int>(what.stride);
  a.top = static_cast<int>(what.padding_top);
  a.left = static_cast<int>(what.padding_left);
  const std::int64_t pixel = what.in.c * what.bytes;
  const std::int64_t pitch = what.pitch * what.bytes;
  if (pixel % 16 == 0 && pitch % 16 == 0 && aligned(in, 16) && aligned(out, 16)) {
    launch_gather<uint4>(a, what, stream);
  } else if (pixel % 4 == 0 && pitch % 4 == 0 && aligned(in, 4) && aligned(out, 4)) {
    launch_gather<unsigned>(a, what, stream);
  } else {
    launch_gather<unsigned short>(a, what, stream);
  }
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
