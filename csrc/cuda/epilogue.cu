// SPDX-License-Identifier: Apache-2.0
// The pass after a convolution's matrix product: bias, LeakyReLU, another type, and the way into some
// channels of a wider NHWC buffer (which makes a concatenation of it).
//   epilogue: out[pixel, k] = leaky(in[pixel, k] + bias[k])
//   scatter:  out[n, 2 * i - 1 + a, 2 * j - 1 + b, k] = leaky(in[n, i, j, a, b, k] + bias[k])
// The second is of a transposed convolution 4x4 of stride 2 and padding 1, computed as one convolution
// 2x2 on a grid of (H / 2 + 1) x (W / 2 + 1) pixels: its outer phases fall outside the picture.
// A thread does 8 channels of a pixel, in accesses of 16 bytes where all addresses allow them.
#include <flownet2/cuda/epilogue.hpp>

#include "cuda/values.cuh"

namespace flownet2::cuda {
namespace {

constexpr int piece = 8;

struct EpilogueArguments {
  const void* in;
  const float* bias;
  void* out;
  std::int64_t pixels, in_pitch, out_pitch;
  int channels;
  float slope;
};

struct ScatterArguments {
  const void* in;
  const float* bias;
  void* out;
  std::int64_t first, pixels;  // of the grid: row of the first pixel; their number
  std::int64_t in_pitch, out_pitch, phase_pitch;
  int h, w;  // of the picture
  int channels, pieces;
  float slope;
};

// ---- helpers

/// Channels first ... first + 7 of a pixel, or as many as there are; `in` and `out` are at the first.
template <bool Aligned, typename In, typename Out>
__device__ __forceinline__ void finish(const In* in, const float* bias, Out* out, int first,
                                       int channels, float slope) {
  if (Aligned && first + piece <= channels) {
    float values[piece];
    float terms[piece] = {};
    load<piece>(in, values);
    if (bias != nullptr) load<piece>(bias + first, terms);
    CUH_UNROLL
    for (int i = 0; i < piece; ++i) values[i] = leaky(values[i] + terms[i], slope);
    store(values, out);
    return;
  }
  const int count = min(piece, channels - first);
  for (int i = 0; i < count; ++i) {
    const float term = bias != nullptr ? __ldg(bias + first + i) : 0.0f;
    put(out + i, leaky(to_float(in[i]) + term, slope));
  }
}

// ---- kernels

template <typename In, typename Out, bool Aligned>
__global__ void __launch_bounds__(threads_per_block) epilogue_kernel(EpilogueArguments a) {
  const std::int64_t pixel = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  const int first = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x) * piece;
  if (pixel >= a.pixels || first >= a.channels) return;
  const In* in = static_cast<const In*>(a.in) + pixel * a.in_pitch + first;
  Out* out = static_cast<Out*>(a.out) + pixel * a.out_pitch + first;
  finish<Aligned>(in, a.bias, out, first, a.channels, a.slope);
}

template <typename In, typename Out, bool Aligned>
__global__ void __launch_bounds__(threads_per_block) scatter_kernel(ScatterArguments a) {
  const std::int64_t pixel = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  const int at = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
  if (pixel >= a.pixels || at >= 4 * a.pieces) return;
  const int phase = at / a.pieces;
  const int channel = (at - phase * a.pieces) * piece;
  const auto number = static_cast<unsigned>(pixel);
  const unsigned across = static_cast<unsigned>(a.w) / 2 + 1;
  const unsigned down = number / across;
  const int column = static_cast<int>(number - down * across);
  const auto row = static_cast<unsigned>(a.first + down);  // of all images
  const unsigned lines = static_cast<unsigned>(a.h) / 2 + 1;
  const unsigned image = row / lines;
  const int line = static_cast<int>(row - image * lines);
  const int y = 2 * line - 1 + phase / 2;
  const int x = 2 * column - 1 + phase % 2;
  if (y < 0 || y >= a.h || x < 0 || x >= a.w) return;
  const In* in = static_cast<const In*>(a.in) + pixel * a.in_pitch + phase * a.phase_pitch + channel;
  const std::int64_t to = (static_cast<std::int64_t>(image) * a.h + y) * a.w + x;
  Out* out = static_cast<Out*>(a.out) + to * a.out_pitch + channel;
  finish<Aligned>(in, a.bias, out, channel, a.channels, a.slope);
}

#if defined(__CUDACC_RTC__)

// NVRTC has no launches, which would say which kernels there are.
#define FLOWNET2_KERNELS(In, Out)                                              \
  template __global__ void epilogue_kernel<In, Out, true>(EpilogueArguments);  \
  template __global__ void epilogue_kernel<In, Out, false>(EpilogueArguments); \
  template __global__ void scatter_kernel<In, Out, true>(ScatterArguments);    \
  template __global__ void scatter_kernel<In, Out, false>(ScatterArguments)

FLOWNET2_KERNELS(float, float);
FLOWNET2_KERNELS(__half, __half);
FLOWNET2_KERNELS(__nv_bfloat16, __nv_bfloat16);
FLOWNET2_KERNELS(__half, float);
FLOWNET2_KERNELS(__nv_bfloat16, float);
FLOWNET2_KERNELS(float, __half);
FLOWNET2_KERNELS(float, __nv_bfloat16);

#undef FLOWNET2_KERNELS

#else

// ---- launchers

constexpr const char* op = "epilogue";
constexpr const char* scatter_op = "scatter";
constexpr std::int64_t most_channels = 1 << 20;

void check(const Epilogue& e) {
  if (e.rows < 1 || e.columns < 1 || e.channels < 1 || e.channels > most_channels) {
    fail(op, "rows, columns and channels must be at least 1, channels at most 2 ** 20");
  }
  if (e.in_pitch < e.channels || e.out_pitch < e.channels) {
    fail(op, "pitches must hold " + std::to_string(e.channels) + " channels, got " +
                 std::to_string(e.in_pitch) + " and " + std::to_string(e.out_pitch));
  }
  const std::int64_t pixels = checked_product(op, e.rows, e.columns);
  checked_product(op, pixels, e.out_pitch * 4);
  checked_product(op, pixels, e.in_pitch * 4);
}

/// Returns the pixels of the grid.
std::int64_t check(const Scatter& s, std::int64_t first, std::int64_t last) {
  check_shape(scatter_op, "out", s.out);
  if (s.out.c > most_channels || std::max(s.out.h, s.out.w) > longest_side) {
    fail(scatter_op, "channels may be 2 ** 20 at most, no side more than 2 ** 30 pixels");
  }
  if (s.out.h % 2 != 0 || s.out.w % 2 != 0) {
    fail(scatter_op, "height and width of out must be even, got " + std::to_string(s.out.h) + "x" +
                         std::to_string(s.out.w));
  }
  const std::int64_t most_pitch = most_pixels / 4;
  if (s.phase_pitch < s.out.c || s.out_pitch < s.out.c || s.phase_pitch > most_pitch / 4 ||
      s.in_pitch < 4 * s.phase_pitch || std::max(s.in_pitch, s.out_pitch) > most_pitch) {
    fail(scatter_op, "pitches must hold " + std::to_string(s.out.c) +
                         " channels, four times in a pixel of the grid, and be 2 ** 29 at most; got " +
                         std::to_string(s.phase_pitch) + " for a phase, " + std::to_string(s.in_pitch) +
                         " and " + std::to_string(s.out_pitch));
  }
  const std::int64_t rows = checked_product(scatter_op, s.out.n, s.out.h / 2 + 1);
  if (rows > most_pixels) fail(scatter_op, "the grids may have 2 ** 31 - 1 rows at most");
  if (first < 0 || first >= last || last > rows) {
    fail(scatter_op, "rows must be some of 0.." + std::to_string(rows) + ", got " +
                         std::to_string(first) + ".." + std::to_string(last));
  }
  const std::int64_t lines = checked_product(scatter_op, s.out.n, s.out.h);
  checked_product(scatter_op, checked_product(scatter_op, lines, s.out.w), s.out_pitch * 4);
  const std::int64_t pixels = checked_product(scatter_op, last - first, s.out.w / 2 + 1);
  checked_product(scatter_op, pixels, s.in_pitch * 4);
  return pixels;
}

void check_arrays(const char* name, const void* in, Number in_type, const float* bias, const void* out,
                  Number out_type) {
  if (in_type != out_type && in_type != Number::float32 && out_type != Number::float32) {
    fail(name, "one of the two types must be float32, or both the same");
  }
  check_pointer(name, "in", in, bytes_of(in_type));
  check_pointer(name, "out", out, bytes_of(out_type));
  if (!aligned(bias, 4)) fail(name, "bias must be aligned to 4 bytes");
}

/// Calls f with the TypeTags of the input and of the output.
template <typename F>
void with_types(Number in_type, Number out_type, const F& f) {
  with_type(in_type, [&](auto from) {
    if (in_type == out_type) return f(from, from);
    if (out_type == Number::float32) return f(from, TypeTag<float>());
    if (out_type == Number::float16) return f(TypeTag<float>(), TypeTag<__half>());
    return f(TypeTag<float>(), TypeTag<__nv_bfloat16>());
  });
}

template <typename In, typename Out>
void launch_epilogue(const EpilogueArguments& a, bool whole, void* stream) {
  const Launch l = over_pieces(op, a.pixels, (a.channels - 1) / piece + 1);
  if (whole) {
    CUH_LAUNCH((epilogue_kernel<In, Out, true>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  } else {
    CUH_LAUNCH((epilogue_kernel<In, Out, false>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  }
}

template <typename In, typename Out>
void launch_scatter(const ScatterArguments& a, bool whole, void* stream) {
  const Launch l = over_pieces(scatter_op, a.pixels, 4 * a.pieces);
  if (whole) {
    CUH_LAUNCH((scatter_kernel<In, Out, true>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  } else {
    CUH_LAUNCH((scatter_kernel<In, Out, false>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  }
}

#endif  // not NVRTC

}  // namespace

#if !defined(__CUDACC_RTC__)

void epilogue(const void* in, Number in_type, const float* bias, void* out, Number out_type,
              const Epilogue& what, void* stream) {
  check(what);
  check_arrays(op, in, in_type, bias, out, out_type);
  const bool whole = aligned(in, 16) && aligned(out, 16) && aligned(bias, 16) &&
                     what.in_pitch * bytes_of(in_type) % 16 == 0 &&
                     what.out_pitch * bytes_of(out_type) % 16 == 0;
  const EpilogueArguments a = {in,
                               bias,
                               out,
                               what.rows * what.columns,
                               what.in_pitch,
                               what.out_pitch,
                               static_cast<int>(what.channels),
                               what.slope};
  with_types(in_type, out_type, [&](auto from, auto to) {
    launch_epilogue<typename decltype(from)::Type, typename decltype(to)::Type>(a, whole, stream);
  });
  check_launch(op);
}

void scatter(const void* in, Number in_type, const float* bias, void* out, Number out_type,
             const Scatter& what, std::int64_t first, std::int64_t last, void* stream) {
  const std::int64_t pixels = check(what, first, last);
  check_arrays(scatter_op, in, in_type, bias, out, out_type);
  const std::int64_t in_size = bytes_of(in_type);
  const bool whole = aligned(in, 16) && aligned(out, 16) && aligned(bias, 16) &&
                     what.in_pitch * in_size % 16 == 0 && what.phase_pitch * in_size % 16 == 0 &&
                     what.out_pitch * bytes_of(out_type) % 16 == 0;
  const auto channels = static_cast<int>(what.out.c);
  const ScatterArguments a = {in,
                              bias,
                              out,
                              first,
                              pixels,
                              what.in_pitch,
                              what.out_pitch,
                              what.phase_pitch,
                              static_cast<int>(what.out.h),
                              static_cast<int>(what.out.w),
                              channels,
                              (channels - 1) / piece + 1,
                              what.slope};
  with_types(in_type, out_type, [&](auto from, auto to) {
    launch_scatter<typename decltype(from)::Type, typename decltype(to)::Type>(a, whole, stream);
  });
  check_launch(scatter_op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
