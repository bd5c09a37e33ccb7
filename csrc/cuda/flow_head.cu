// SPDX-License-Identifier: Apache-2.0
// Convolutions into and from a flow, NHWC, for any number of channels read and at most 4 written.
//   flow_head: out[n, y, x, o] = leaky(bias[o] + sum over ky, kx, c of
//       in[n, y * stride + ky - padding, x * stride + kx - padding, c] * weight[o, ky, kx, c])
//   flow_up: the same turned round; a thread gathers all that falls on its pixel
// flow_head's sums are long and few: a group of lanes shares them, each takes pieces of 16 bytes of the
// input's channels, for four neighbours of a row, so that weights are read once for all of these.
#include <flownet2/cuda/flow_head.hpp>

#include "cuda/values.cuh"

namespace flownet2::cuda {
namespace {

constexpr int most_outputs = static_cast<int>(most_flow_channels);
constexpr int neighbours = 4;  // pixels of a row that a group of lanes makes

struct FlowArguments {
  const void* x;
  const float* weight;
  const float* bias;
  void* out;
  std::int64_t in_pitch, out_pitch;
  int n, ci, h, w, co, out_h, out_w;
  int kernel, stride, padding;
  int lanes;  // of a group: 8, 32 or the whole block
  float slope;
  Number out_type;
  bool whole;  // pieces of the input are aligned
};

// ---- helpers

__device__ __forceinline__ void finish(const FlowArguments& a, std::int64_t pixel, int o, float sum) {
  const float value = sum + (a.bias != nullptr ? load(a.bias + o) : 0.0f);
  put_as(a.out, a.out_type, pixel * a.out_pitch + o, leaky(value, a.slope));
}

/// `count` channels, zeros after them.
template <typename In, int Piece>
__device__ __forceinline__ void read_piece(const In* from, int count, bool whole, float (&to)[Piece]) {
  if (whole && count >= Piece) {
    load<Piece>(from, to);
    return;
  }
  CUH_UNROLL
  for (int i = 0; i < Piece; ++i) to[i] = i < count ? load(from + i) : 0.0f;
}

/// Where a group of lanes works: the first of its pixels.
struct Spot {
  int image, y, x;
};

template <typename In>
__device__ __forceinline__ void multiply(const FlowArguments& a, const Spot& at, int lane,
                                         float (&sums)[most_outputs][neighbours]) {
  constexpr int piece = static_cast<int>(16 / sizeof(In));
  const int padded = (a.ci + 7) / 8 * 8;
  const int pieces = (a.ci + piece - 1) / piece;
  const std::int64_t per_output = static_cast<std::int64_t>(a.kernel) * a.kernel * padded;
  CUH_NO_UNROLL
  for (int item = lane; item < a.kernel * a.kernel * pieces; item += a.lanes) {
    const int tap = item / pieces;
    const int first = (item - tap * pieces) * piece;
    const int line = at.y * a.stride + tap / a.kernel - a.padding;
    const int column = at.x * a.stride + tap % a.kernel - a.padding;
    if (line < 0 || line >= a.h) continue;
    const In* row = static_cast<const In*>(a.x) +
                    (static_cast<std::int64_t>(at.image) * a.h + line) * a.w * a.in_pitch + first;
    float values[neighbours][piece] = {};
    CUH_UNROLL
    for (int p = 0; p < neighbours; ++p) {
      const int place = column + p * a.stride;
      if (place < 0 || place >= a.w) continue;
      read_piece(row + place * a.in_pitch, a.ci - first, a.whole, values[p]);
    }
    const float* weight = a.weight + static_cast<std::int64_t>(tap) * padded + first;
    CUH_UNROLL
    for (int o = 0; o < most_outputs; ++o) {
      if (o >= a.co) break;
      float factors[piece];
      load<piece>(weight + o * per_output, factors);
      CUH_UNROLL
      for (int p = 0; p < neighbours; ++p) {
        CUH_UNROLL
        for (int i = 0; i < piece; ++i) sums[o][p] = fmaf(values[p][i], factors[i], sums[o][p]);
      }
    }
  }
}

/// Adds what the lanes of a group have; all of them get the sums.
__device__ __forceinline__ void add_lanes(int lanes, int outputs,
                                          float (&sums)[most_outputs][neighbours]) {
  CUH_NO_UNROLL
  for (int step = min(lanes, 32) / 2; step > 0; step /= 2) {
    CUH_UNROLL
    for (int o = 0; o < most_outputs; ++o) {
      if (o >= outputs) break;
      CUH_UNROLL
      for (int p = 0; p < neighbours; ++p) sums[o][p] += __shfl_xor_sync(0xffffffffu, sums[o][p], step);
    }
  }
  if (lanes <= 32) return;
  constexpr int warps = static_cast<int>(threads_per_block / 32);
  CUH_SHARED(float, parts, [warps][most_outputs * neighbours]);
  CUH_UNROLL
  for (int i = 0; i < most_outputs * neighbours; ++i) {
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32][i] = sums[i / neighbours][i % neighbours];
  }
  __syncthreads();
  CUH_UNROLL
  for (int i = 0; i < most_outputs * neighbours; ++i) {
    float sum = 0.0f;
    CUH_UNROLL
    for (int warp = 0; warp < warps; ++warp) sum += parts[warp][i];
    sums[i / neighbours][i % neighbours] = sum;
  }
}

// ---- kernels

template <typename In>
__global__ void __launch_bounds__(threads_per_block) flow_head_kernel(FlowArguments a) {
  const auto across = static_cast<unsigned>((a.out_w - 1) / neighbours + 1);
  const auto lanes = static_cast<unsigned>(a.lanes);
  const int lane = static_cast<int>(threadIdx.x % lanes);
  const unsigned group = blockIdx.x * (blockDim.x / lanes) + threadIdx.x / lanes;
  const unsigned row = group / across;
  const auto out_h = static_cast<unsigned>(a.out_h);
  const Spot at = {static_cast<int>(row / out_h), static_cast<int>(row % out_h),
                   static_cast<int>(group % across) * neighbours};
  float sums[most_outputs][neighbours] = {};
  const bool inside = at.image < a.n;  // no early end: the lanes of a warp meet in add_lanes
  if (inside) multiply<In>(a, at, lane, sums);
  add_lanes(a.lanes, a.co, sums);
  if (!inside || lane >= neighbours || at.x + lane >= a.out_w) return;
  const std::int64_t pixel = static_cast<std::int64_t>(row) * a.out_w + at.x + lane;
  CUH_UNROLL
  for (int o = 0; o < most_outputs; ++o) {
    float sum = sums[o][0];
    CUH_UNROLL
    for (int p = 1; p < neighbours; ++p) sum = lane == p ? sums[o][p] : sum;
    if (o < a.co) finish(a, pixel, o, sum);
  }
}

/// All that falls on pixel (y, x) of the output.
__device__ __forceinline__ void gather_pixel(const FlowArguments& a, std::int64_t n, int y, int x,
                                             float (&sums)[most_outputs]) {
  const int area = a.kernel * a.kernel;
  for (int ky = (y + a.padding) % a.stride; ky < a.kernel; ky += a.stride) {
    const int line = (y + a.padding - ky) / a.stride;
    if (y + a.padding < ky || line >= a.h) continue;
    for (int kx = (x + a.padding) % a.stride; kx < a.kernel; kx += a.stride) {
      const int column = (x + a.padding - kx) / a.stride;
      if (x + a.padding < kx || column >= a.w) continue;
      const float* from =
          static_cast<const float*>(a.x) + ((n * a.h + line) * a.w + column) * a.in_pitch;
      const float* weight = a.weight + ky * a.kernel + kx;
      for (int c = 0; c < a.ci; ++c) {
        const float value = load(from + c);
        CUH_UNROLL
        for (int o = 0; o < most_outputs; ++o) {
          if (o < a.co) sums[o] = fmaf(value, load(weight + (c * a.co + o) * area), sums[o]);
        }
      }
    }
  }
}

__global__ void __launch_bounds__(threads_per_block) flow_up_kernel(FlowArguments a) {
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (x >= a.out_w) return;
  const auto step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  const std::int64_t first = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y;
  for (std::int64_t n = blockIdx.z; n < a.n; n += gridDim.z) {
    for (std::int64_t y = first; y < a.out_h; y += step) {
      float sums[most_outputs] = {};
      gather_pixel(a, n, static_cast<int>(y), x, sums);
      CUH_UNROLL
      for (int o = 0; o < most_outputs; ++o) {
        if (o < a.co) finish(a, (n * a.out_h + y) * a.out_w + x, o, sums[o]);
      }
    }
  }
}

#if defined(__CUDACC_RTC__)

// NVRTC has no launches, which would say which kernels there are.
template __global__ void flow_head_kernel<float>(FlowArguments);
template __global__ void flow_head_kernel<__half>(FlowArguments);
template __global__ void flow_head_kernel<__nv_bfloat16>(FlowArguments);

#else

// ---- launcher

void check_tensor(const char* op, const char* name, const Shape& shape, std::int64_t pitch) {
  check_shape(op, name, shape);
  constexpr std::int64_t most_channels = 1 << 16;
  if (std::max(shape.h, shape.w) > longest_side || shape.n > most_pixels || shape.c > most_channels) {
    fail(op, std::string(name) + " may have 2 ** 30 rows and columns and 2 ** 16 channels at most");
  }
  if (pitch < shape.c) {
    fail(op, std::string(name) + ": its pitch must be at least " + std::to_string(shape.c) + ", got " +
                 std::to_string(pitch));
  }
  checked_product(op, checked_product(op, shape.n * shape.h, shape.w), checked_product(op, pitch, 4));
}

void check(const char* op, const FlowLayer& l, bool transposed) {
  constexpr std::int64_t widest = 64;
  if (std::min(l.kernel, l.stride) < 1 || l.padding < 0 ||
      std::max({l.kernel, l.stride, l.padding}) > widest) {
    fail(op, "kernel and stride must be in 1..64, padding in 0..64");
  }
  check_tensor(op, "x", l.in, l.in_pitch);
  check_tensor(op, "out", l.out, l.out_pitch);
  if (l.out.c > most_flow_channels || (transposed && l.in.c > most_flow_channels)) {
    fail(op, std::string(transposed ? "x and out" : "out") + " may have 4 channels at most");
  }
  const auto length = [&](std::int64_t in) {
    if (transposed) return (in - 1) * l.stride - 2 * l.padding + l.kernel;
    return in + 2 * l.padding < l.kernel ? 0 : (in + 2 * l.padding - l.kernel) / l.stride + 1;
  };
  const Shape expected = {l.in.n, l.out.c, length(l.in.h), length(l.in.w)};
  if (l.out != expected) {
    fail(op, "out must be (N, C, H, W) = " + to_string(expected) + ", got " + to_string(l.out));
  }
}

FlowArguments arguments_of(const char* op, const void* x, const float* weight, const float* bias,
                           void* out, const FlowLayer& l) {
  check_pointer(op, "x", x, bytes_of(l.in_type));
  check_pointer(op, "out", out, bytes_of(l.out_type));
  if (!aligned(bias, 4)) fail(op, "bias must be aligned to 4 bytes");
  FlowArguments a{};
  a.x = x;
  a.weight = weight;
  a.bias = bias;
  a.out = out;
  a.in_pitch = l.in_pitch;
  a.out_pitch = l.out_pitch;
  a.n = static_cast<int>(l.in.n);
  a.ci = static_cast<int>(l.in.c);
  a.h = static_cast<int>(l.in.h);
  a.w = static_cast<int>(l.in.w);
  a.co = static_cast<int>(l.out.c);
  a.out_h = static_cast<int>(l.out.h);
  a.out_w = static_cast<int>(l.out.w);
  a.kernel = static_cast<int>(l.kernel);
  a.stride = static_cast<int>(l.stride);
  a.padding = static_cast<int>(l.padding);
  a.slope = l.slope;
  a.out_type = l.out_type;
  a.whole = aligned(x, 16) && l.in_pitch * bytes_of(l.in_type) % 16 == 0;
  return a;
}

/// How many lanes share the sums of a group: few short ones, or most would idle; and of few pixels a
/// block, or most of the GPU would.
int lanes_for(const FlowLayer& l) {
  const std::int64_t piece = 16 / bytes_of(l.in_type);
  const std::int64_t items = l.kernel * l.kernel * ((l.in.c - 1) / piece + 1);
  const bool few = l.out.n * l.out.h * l.out.w < 4096;
  if (items >= 512 && few) return static_cast<int>(threads_per_block);
  return items > 40 ? 32 : 8;
}

#endif  // not NVRTC

}  // namespace

#if !defined(__CUDACC_RTC__)

void flow_head(const void* x, const float* weight, const float* bias, void* out, const FlowLayer& layer,
               void* stream) {
  constexpr const char* op = "flow_head";
  check(op, layer, false);
  check_pointer(op, "weight", weight, 16);
  FlowArguments a = arguments_of(op, x, weight, bias, out, layer);
  a.lanes = lanes_for(layer);
  const std::int64_t across = (layer.out.w - 1) / neighbours + 1;
  const std::int64_t groups = checked_product(op, layer.out.n * layer.out.h, across);
  if (groups > most_pixels) fail(op, "out may have 2 ** 31 - 1 groups of 4 pixels at most");
  const dim3 blocks(blocks_for(op, groups, threads_per_block / a.lanes));
  with_type(layer.in_type, [&](auto element) {
    using In = typename decltype(element)::Type;
    CUH_LAUNCH((flow_head_kernel<In>), blocks, dim3(threads_per_block), 0, stream_of(stream), a);
  });
  check_launch(op);
}

void flow_up(const float* x, const float* weight, const float* bias, void* out, const FlowLayer& layer,
             void* stream) {
  constexpr const char* op = "flow_up";
  check(op, layer, true);
  check_pointer(op, "weight", weight, 4);
  if (layer.in_type != Number::float32) fail(op, "x must be float32");
  const FlowArguments a = arguments_of(op, x, weight, bias, out, layer);
  const Launch l = over_image(op, layer.out.h, layer.out.w, layer.out.n);
  CUH_LAUNCH((flow_up_kernel), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
