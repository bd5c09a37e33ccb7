// SPDX-License-Identifier: Apache-2.0
// Times each distinct convolution of FlowNet2 at 448x1024. Prints milliseconds and GFLOP/s (of the
// direct algorithm's operations) for wall time and for the processor time of all threads, minima of
// several runs.
//
//   bench_convolution [isa|auto] [threads] [substring of the layer] [float32|bfloat16]
#include <flownet2/runtime.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>

#include "cpu/dispatch.hpp"
#include "cpu/memory.hpp"
#include "ops/direct_convolution.hpp"
#include "ops/rounded.hpp"

namespace {

using namespace flownet2;

struct Layer {
  int times;  // in FlowNet2
  const char* name;
  std::int64_t ci, co, kernel, stride, h, w;
  bool transposed;
};

constexpr Layer layers[] = {
    {2, "conv1", 3, 64, 7, 2, 448, 1024, false},
    {4, "conv2", 64, 128, 5, 2, 224, 512, false},
    {4, "conv3", 128, 256, 5, 2, 112, 256, false},
    {1, "conv_redir", 256, 32, 1, 1, 56, 128, false},
    {1, "conv3_1 (C)", 473, 256, 3, 1, 56, 128, false},
    {3, "conv3_1 (S)", 256, 256, 3, 1, 56, 128, false},
    {4, "conv4", 256, 512, 3, 2, 56, 128, false},
    {4, "conv4_1", 512, 512, 3, 1, 28, 64, false},
    {4, "conv5", 512, 512, 3, 2, 28, 64, false},
    {4, "conv5_1", 512, 512, 3, 1, 14, 32, false},
    {4, "conv6", 512, 1024, 3, 2, 14, 32, false},
    {4, "conv6_1", 1024, 1024, 3, 1, 7, 16, false},
    {4, "flow6", 1024, 2, 3, 1, 7, 16, false},
    {4, "deconv5", 1024, 512, 4, 2, 7, 16, true},
    {3, "flow5", 1026, 2, 3, 1, 14, 32, false},
    {4, "deconv4", 1026, 256, 4, 2, 14, 32, true},
    {3, "flow4", 770, 2, 3, 1, 28, 64, false},
    {4, "deconv3", 770, 128, 4, 2, 28, 64, true},
    {3, "flow3", 386, 2, 3, 1, 56, 128, false},
    {4, "deconv2", 386, 64, 4, 2, 56, 128, true},
    {3, "flow2", 194, 2, 3, 1, 112, 256, false},
    {2, "conv1 (S)", 12, 64, 7, 2, 448, 1024, false},
    {1, "SD conv0", 6, 64, 3, 1, 448, 1024, false},
    {2, "SD conv1", 64, 64, 3, 2, 448, 1024, false},
    {2, "SD conv1_1", 64, 128, 3, 1, 224, 512, false},
    {2, "SD conv2", 128, 128, 3, 2, 224, 512, false},
    {2, "SD conv2_1", 128, 128, 3, 1, 112, 256, false},
    {1, "SD conv3", 128, 256, 3, 2, 112, 256, false},
    {1, "SD inter5", 1026, 512, 3, 1, 14, 32, false},
    {1, "SD inter4", 770, 256, 3, 1, 28, 64, false},
    {1, "SD inter3", 386, 128, 3, 1, 56, 128, false},
    {1, "SD inter2", 194, 64, 3, 1, 112, 256, false},
    {1, "Fusion conv0", 11, 64, 3, 1, 448, 1024, false},
    {1, "Fusion flow2", 128, 2, 3, 1, 112, 256, false},
    {1, "Fusion deconv1", 128, 32, 4, 2, 112, 256, true},
    {1, "Fusion inter1", 162, 32, 3, 1, 224, 512, false},
    {1, "Fusion flow1", 32, 2, 3, 1, 224, 512, false},
    {1, "Fusion deconv0", 162, 16, 4, 2, 224, 512, true},
    {1, "Fusion inter0", 82, 16, 3, 1, 448, 1024, false},
    {1, "Fusion flow0", 16, 2, 3, 1, 448, 1024, false},
    {4, "upflow", 2, 2, 4, 2, 56, 128, true},
};

double wall() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double processor() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

AlignedFloats noise(std::int64_t count, float scale) {
  AlignedFloats values = aligned_floats("benchmark", count);
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    values[static_cast<std::size_t>(i)] = (static_cast<float>(state >> 8) / 16777216.0f - 0.5f) * scale;
  }
  return values;
}

/// A blocked tensor of noise.
struct Tensor {
  AlignedFloats data;
  MutableBlocked view;

  Tensor(Element element, std::int64_t c, std::int64_t h, std::int64_t w) {
    const std::int64_t words = image_words(element, c, h, w);
    data = noise(words, 1.0f);
    if (element == Element::bfloat16) {
      const AlignedFloats values = noise(2 * words, 1.0f);
      auto* to = reinterpret_cast<bfloat16*>(data.get());
      for (std::int64_t i = 0; i < 2 * words; ++i) to[i] = rounded(values[static_cast<std::size_t>(i)]);
    }
    view = {data.get(), element, 1, c, h, w, words};
  }
};

struct Times {
  double wall, processor;  // seconds
};

Times measure(const Convolution& convolution, const ConstBlocked& in, const MutableBlocked& out) {
  Times best = {1e9, 1e9};
  const double end = wall() + 0.6;
  for (int i = 0; i < 3 || (i < 40 && wall() < end); ++i) {
    const double w = wall();
    const double p = processor();
    convolution.run(in, out);
    best = {std::min(best.wall, wall() - w), std::min(best.processor, processor() - p)};
  }
  return best;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string isa = count > 1 ? arguments[1] : "auto";
  const int threads = count > 2 ? std::atoi(arguments[2]) : num_threads();
  const std::string wanted = count > 3 ? arguments[3] : "";
  const bool is_bfloat16 = count > 4 && std::string(arguments[4]) == "bfloat16";
  const Element element = is_bfloat16 ? Element::bfloat16 : Element::float32;
  set_num_threads(threads);
  std::printf("%s, %d threads\n%-16s %9s %9s %9s %9s\n", isa.c_str(), threads, "layer", "ms", "GFLOP/s",
              "cpu ms", "GFLOP/s");
  double total = 0, total_processor = 0, operations = 0;
  for (const Layer& layer : layers) {
    if (std::string(layer.name).find(wanted) == std::string::npos) continue;
    const std::int64_t pad = layer.transposed ? 1 : layer.kernel / 2;
    const ConvolutionSpec spec = {layer.ci,         layer.co,     layer.kernel, layer.kernel,
                                  layer.stride,     layer.stride, pad,          pad,
                                  layer.transposed, 0.1f,         element};
    const std::int64_t s = layer.stride;
    const std::int64_t ho = layer.transposed ? layer.h * s : layer.h / s;
    const std::int64_t wo = layer.transposed ? layer.w * s : layer.w / s;
    const AlignedFloats weight = noise(layer.ci * layer.co * layer.kernel * layer.kernel, 0.1f);
    const AlignedFloats bias = noise(layer.co, 0.1f);
    const auto convolution =
        isa == "auto" ? make_convolution(spec, weight.get(), bias.get())
                      : make_direct_convolution(kernels_named(isa), spec, weight.get(), bias.get());
    const Tensor in(element, layer.ci, layer.h, layer.w);
    const Tensor out(element, layer.co, ho, wo);
    const Times time = measure(*convolution, in.view, out.view);
    const double macs = static_cast<double>(layer.ci * layer.co * layer.kernel * layer.kernel) *
                        static_cast<double>(layer.transposed ? layer.h * layer.w : ho * wo);
    const double giga = 2e-9 * macs;
    std::printf("%-16s %9.2f %9.0f %9.2f %9.0f\n", layer.name, time.wall * 1e3, giga / time.wall,
                time.processor * 1e3, giga / time.processor);
    std::fflush(stdout);
    total += layer.times * time.wall;
    total_processor += layer.times * time.processor;
    operations += layer.times * giga;
  }
  std::printf("FlowNet2: %.3f s, %.0f GFLOP/s; processor time %.3f s, %.0f GFLOP/s\n", total,
              operations / total, total_processor, operations / total_processor);
}
