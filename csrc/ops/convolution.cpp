// SPDX-License-Identifier: Apache-2.0
#include "ops/convolution.hpp"

#include <algorithm>
#include <vector>

#include "cpu/threads.hpp"

namespace flownet2 {
namespace {

/// One output pixel and channel block at a time.
class SimpleConvolution final : public Convolution {
 public:
  SimpleConvolution(const ConvolutionSpec& spec, const float* weight, const float* bias)
      : spec_(spec),
        weight_(
            static_cast<std::size_t>(blocks_of(spec.co) * spec.kh * spec.kw * spec.ci * channel_block)),
        bias_(static_cast<std::size_t>(blocks_of(spec.co) * channel_block)) {
    for (std::int64_t o = 0; o < spec.co; ++o) {
      if (bias != nullptr) bias_[static_cast<std::size_t>(o)] = bias[o];
      for (std::int64_t i = 0; i < spec.ci; ++i) {
        for (std::int64_t tap = 0; tap < spec.kh * spec.kw; ++tap) {
          const std::int64_t pair = spec.transposed ? i * spec.co + o : o * spec.ci + i;
          const std::int64_t at =
              ((o / channel_block * spec.kh * spec.kw + tap) * spec.ci + i) * channel_block;
          weight_[static_cast<std::size_t>(at + o % channel_block)] =
              weight[pair * spec.kh * spec.kw + tap];
        }
      }
    }
  }

  void run(ConstBlocked in, MutableBlocked out) const override {
    const std::int64_t blocks = blocks_of(out.c);
    parallel_for(out.n * blocks * out.h, [&](std::int64_t task) {
      const std::int64_t y = task % out.h;
      const std::int64_t block = task / out.h % blocks;
      const std::int64_t n = task / out.h / blocks;
      for (std::int64_t x = 0; x < out.w; ++x) pixel(in, out, n, block, y, x);
    });
  }

 private:
  /// The input coordinate that tap k of output coordinate `at` reads, or -1.
  std::int64_t source(std::int64_t at, std::int64_t k, std::int64_t stride, std::int64_t pad,
                      std::int64_t size) const {
    std::int64_t from = spec_.transposed ? at + pad - k : at * stride - pad + k;
    if (spec_.transposed) {
      if (from % stride != 0) return -1;
      from /= stride;
    }
    return from < 0 || from >= size ? -1 : from;
  }

  void pixel(const ConstBlocked& in, const MutableBlocked& out, std::int64_t n, std::int64_t block,
             std::int64_t y, std::int64_t x) const {
    float sums[channel_block];
    for (std::int64_t j = 0; j < channel_block; ++j)
      sums[j] = bias_[static_cast<std::size_t>(block * channel_block + j)];
    for (std::int64_t tap = 0; tap < spec_.kh * spec_.kw; ++tap) {
      const std::int64_t row = source(y, tap / spec_.kw, spec_.sh, spec_.ph, in.h);
      const std::int64_t col = source(x, tap % spec_.kw, spec_.sw, spec_.pw, in.w);
      if (row < 0 || col < 0) continue;
      const float* w = weight_.data() + (block * spec_.kh * spec_.kw + tap) * spec_.ci * channel_block;
      for (std::int64_t i = 0; i < spec_.ci; ++i) {
        const float value =
            in.plane(n, i / channel_block)[(row * in.w + col) * channel_block + i % channel_block];
        for (std::int64_t j = 0; j < channel_block; ++j) sums[j] += value * w[i * channel_block + j];
      }
    }
    float* to = out.plane(n, block) + (y * out.w + x) * channel_block;
    for (std::int64_t j = 0; j < channel_block; ++j) {
      to[j] = sums[j] > 0.0f || !spec_.leaky_slope ? sums[j] : sums[j] * *spec_.leaky_slope;
    }
  }

  ConvolutionSpec spec_;
  std::vector<float> weight_;
  std::vector<float> bias_;
};

}  // namespace

std::unique_ptr<Convolution> make_convolution(const ConvolutionSpec& spec, const float* weight,
                                              const float* bias) {
  return std::make_unique<SimpleConvolution>(spec, weight, bias);
}

}  // namespace flownet2
