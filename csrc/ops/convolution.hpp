// SPDX-License-Identifier: Apache-2.0
// Convolution and transposed convolution on blocked activations: weights are packed once, for the ISA
// and the algorithm that fit, then run on any size, from any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "cpu/blocked.hpp"

namespace flownet2 {

struct ConvolutionSpec {
  std::int64_t ci = 0, co = 0;
  std::int64_t kh = 0, kw = 0;
  std::int64_t sh = 1, sw = 1;
  std::int64_t ph = 0, pw = 0;
  bool transposed = false;
  std::optional<float> leaky_slope;    // LeakyReLU as the last step
  Element element = Element::float32;  // of input, output and weights; sums are float32
};

class Convolution {
 public:
  virtual ~Convolution() = default;

  /// in (N, ci, H, W) -> out (N, co, Ho, Wo), zero padding; `out` overlaps nothing of `in`. Threaded
  /// through parallel_for; the bits do not depend on threads or on the place in a batch.
  virtual void run(const ConstBlocked& in, const MutableBlocked& out) const = 0;
};

/// weight (co, ci, kh, kw), or (ci, co, kh, kw) if transposed; bias (co) or null. Both are copied, the
/// weight rounded to spec.element.
std::unique_ptr<Convolution> make_convolution(const ConvolutionSpec& spec, const float* weight,
                                              const float* bias);

}  // namespace flownet2
