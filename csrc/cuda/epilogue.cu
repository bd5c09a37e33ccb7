// SPDX-License-Identifier: Apache-2.0
// The pass after a convolution's matrix product: bias, LeakyReLU, another type, and the way into some
// channels of a wider NHWC buffer (which makes a concatenation of it).
//   out[pixel', k] = leaky(in[pixel, k] + bias[k])
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
  int channels, columns, step, phase_row, phase_column;
  float slope;
};

// ---- helpers

__device__ __forceinline__ std::int64_t place_of(const EpilogueArguments& a, std::int64_t pixel) {
  if (a.step == 1) return pixel;
  const auto number = static_cast<unsigned>(pixel);
  const unsigned row = number / static_cast<unsigned>(a.columns);
  const unsigned column = number - row * static_cast<unsigned>(a.columns);
  const std::int64_t line = static_cast<std::int64_t>(row) * a.step + a.phase_row;
  return line * a.columns * a.step + static_cast<std::int64_t>(column) * a.step + a.phase_column;
}

// ---- kernels

template <typename In, typename Out, bool Aligned>
__global__ void __launch_bounds__(threads_per_block) epilogue_kernel(EpilogueArguments a) {
  const std::int64_t pixel = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  const int first = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x) * piece;
  if (pixel >= a.pixels || first >= a.channels) return;
  const In* in = static_cast<const In*>(a.in) + pixel * a.in_pitch + first;
  Out* out = static_cast<Out*>(a.out) + place_of(a, pixel) * a.out_pitch + first;
  if (Aligned && first + piece <= a.channels) {
    float values[piece];
    float bias[piece] = {};
    load<piece>(in, values);
    if (a.bias != nullptr) load<piece>(a.bias + first, bias);
    CUH_UNROLL
    for (int i = 0; i < piece; ++i) values[i] = leaky(values[i] + bias[i], a.slope);
    store(values, out);
    return;
  }
  const int count = min(piece, a.channels - first);
  for (int i = 0; i < count; ++i) {
    const float bias = a.bias != nullptr ? __ldg(a.bias + first + i) : 0.0f;
    put(out + i, leaky(to_float(in[i]) + bias, a.slope));
  }
}

#if defined(__CUDACC_RTC__)

// NVRTC has no launches, which would say which kernels there are.
template __global__ void epilogue_kernel<float, float, true>(EpilogueArguments);
template __global__ void epilogue_kernel<float, float, false>(EpilogueArguments);
template __global__ void epilogue_kernel<__half, __half, true>(EpilogueArguments);
template __global__ void epilogue_kernel<__half, __half, false>(EpilogueArguments);
template __global__ void epilogue_kernel<__nv_bfloat16, __nv_bfloat16, true>(EpilogueArguments);
template __global__ void epilogue_kernel<__nv_bfloat16, __nv_bfloat16, false>(EpilogueArguments);
template __global__ void epilogue_kernel<__half, float, true>(EpilogueArguments);
template __global__ void epilogue_kernel<__half, float, false>(EpilogueArguments);
template __global__ void epilogue_kernel<__nv_bfloat16, float, true>(EpilogueArguments);
template __global__ void epilogue_kernel<__nv_bfloat16, float, false>(EpilogueArguments);
template __global__ void epilogue_kernel<float, __half, true>(EpilogueArguments);
template __global__ void epilogue_kernel<float, __half, false>(EpilogueArguments);
template __global__ void epilogue_kernel<float, __nv_bfloat16, true>(EpilogueArguments);
template __global__ void epilogue_kernel<float, __nv_bfloat16, false>(EpilogueArguments);

#else

// ---- launcher

constexpr const char* op = "epilogue";

void check(const Epilogue& e) {
  constexpr std::int64_t most_channels = 1 << 20;
  if (e.rows < 1 || e.columns < 1 || e.channels < 1 || e.channels > most_channels) {
    fail(op, "rows, columns and channels must be at least 1, channels at most 2 ** 20");
  }
  if (e.in_pitch < e.channels || e.out_pitch < e.channels) {
    fail(op, "pitches must hold " + std::to_string(e.channels) + " channels, got " +
                 std::to_string(e.in_pitch) + " and " + std::to_string(e.out_pitch));
  }
  const bool phases = e.phase_row >= 0 && e.phase_row < e.step && e.phase_column >= 0 &&
                      e.phase_column < e.step && e.step <= 16;
  if (!phases) fail(op, "step must be in 1..16, both phases in 0..step - 1");
  const std::int64_t pixels = checked_product(op, e.rows, e.columns);
  checked_product(op, checked_product(op, pixels, e.step * e.step), e.out_pitch * 4);
  checked_product(op, pixels, e.in_pitch * 4);
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

#endif  // not NVRTC

}  // namespace

#if !defined(__CUDACC_RTC__)

void epilogue(const void* in, Number in_type, const float* bias, void* out, Number out_type,
              const Epilogue& what, void* stream) {
  check(what);
  if (in_type != out_type && in_type != Number::float32 && out_type != Number::float32) {
    fail(op, "one of the two types must be float32, or both the same");
  }
  const std::int64_t in_size = bytes_of(in_type);
  const std::int64_t out_size = bytes_of(out_type);
  check_pointer(op, "in", in, in_size);
  check_pointer(op, "out", out, out_size);
  if (!aligned(bias, 4)) fail(op, "bias must be aligned to 4 bytes");
  const bool whole = aligned(in, 16) && aligned(out, 16) && aligned(bias, 16) &&
                     what.in_pitch * in_size % 16 == 0 && what.out_pitch * out_size % 16 == 0;
  const EpilogueArguments arguments = {in,
                                       bias,
                                       out,
                                       what.rows * what.columns,
                                       what.in_pitch,
                                       what.out_pitch,
                                       static_cast<int>(what.channels),
                                       static_cast<int>(std::min(what.columns, most_pixels)),
                                       static_cast<int>(what.step),
                                       static_cast<int>(what.phase_row),
                                       static_cast<int>(what.phase_column),
                                       what.slope};
  with_type(in_type, [&](auto from) {
    using In = typename decltype(from)::Type;
    if (in_type == out_type) return launch_epilogue<In, In>(arguments, whole, stream);
    if (out_type == Number::float32) return launch_epilogue<In, float>(arguments, whole, stream);
    if (out_type == Number::float16) return launch_epilogue<float, __half>(arguments, whole, stream);
    return launch_epilogue<float, __nv_bfloat16>(arguments, whole, stream);
  });
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
