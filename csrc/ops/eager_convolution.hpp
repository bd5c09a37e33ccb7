// SPDX-License-Identifier: Apache-2.0
// The engine's convolutions on single planar tensors: conv2d and conv_transpose2d of ops.hpp.
#pragma once

#include <flownet2/ops.hpp>

#include "cpu/blocked.hpp"

namespace flownet2 {

/// Which of the two: their weights and sizes differ.
enum class ConvolutionKind { plain, transposed };

/// The shape rule alone, for an input, a weight and options that are legal by themselves. Throws Error.
Shape convolved_shape(ConvolutionKind kind, const Shape& x, const Shape& weight,
                      const ConvolutionOptions& options);

/// The same with all checks of ops.hpp.
Shape checked_convolved_shape(ConvolutionKind kind, const Shape& x, const Shape& weight,
                              const ConvolutionOptions& options);

/// For tests.
struct ConvolutionChoice {
  Element element = Element::float32;
  bool direct = false;  // never Winograd's algorithm
};

void convolve(ConvolutionKind kind, ConstView x, ConstView weight, ConstView bias,
              const ConvolutionOptions& options, const ConvolutionChoice& choice, MutableView out);

}  // namespace flownet2
