// SPDX-License-Identifier: Apache-2.0
// Convolutions into few channels, such as a flow: float32 weights and a planar result in every
// precision.
#pragma once

#include <flownet2/array_view.hpp>

#include <array>
#include <cstdint>
#include <vector>

#include "cpu/kernel_table.hpp"
#include "cpu/memory.hpp"
#include "ops/convolution.hpp"
#include "ops/either_layout.hpp"

namespace flownet2 {

inline constexpr std::int64_t most_head_outputs = 4;

/// Whether a FlowHead computes this, rather than a Convolution.
inline bool is_flow_head(const ConvolutionSpec& spec) { return spec.co <= most_head_outputs; }

/// Weights of a head: (kh, ci, co * kw), and co biases.
struct HeadWeights {
  AlignedFloats columns;
  std::array<float, most_head_outputs> bias = {};
};

/// weight and bias as make_convolution() takes them.
HeadWeights pack_head(const ConvolutionSpec& spec, const float* weight, const float* bias);

class FlowHead {
 public:
  /// One set of weights; or nine, of which the outer ring of the result has eight: (top, inner, bottom)
  /// times (left, inner, right). The result is then at least two pixels high and wide.
  FlowHead(const KernelTable& kernels, const ConvolutionSpec& spec, std::vector<HeadWeights> sets);

  /// in (N, ci, H, W) -> out (N, co, Ho, Wo), as Convolution::run.
  void run(const EitherInput& in, MutableView out) const;

 private:
  struct Tile;
  struct Span;

  std::vector<Tile> tiles_of(const Shape& out, int threads) const;
  Span span_of(const Tile& tile, std::int64_t in_w) const;
  void run_tile(const Tile& tile, const EitherInput& in, const MutableView& out) const;
  void multiply_row(const Tile& tile, const Span& span, const EitherInput& in, std::int64_t row,
                    float* scratch) const;
  void add_row(const Tile& tile, const Span& span, std::int64_t tap, std::int64_t row, float* scratch,
               const MutableView& out) const;
  bool rounds(const EitherInput& in) const;
  bool takes(const Tile& tile, std::int64_t tap, std::int64_t row) const;
  std::int64_t output_row(std::int64_t tap, std::int64_t row) const;

  const KernelTable& kernels_;
  ConvolutionSpec spec_;
  std::vector<HeadWeights> sets_;
};

}  // namespace flownet2
