// SPDX-License-Identifier: Apache-2.0
// What the convolutions that Winograd's algorithm serves have in common: each is a sum over input phases
// of convolutions with stride 1 and r x r taps, on a grid of outputs that is cut into m x m tiles.
//   plain       stride 1: one phase, the grid is the output.
//   strided     stride 2: the input's even and odd rows and columns are four phases.
//   transposed  4 x 4, stride 2, padding 1: the output's even and odd rows and columns are four groups
//   of
//               channels. Grid point u takes inputs u - 1 and u; it gives rows 2 u and 2 u - 1.
#pragma once

#include <cstdint>

#include "cpu/blocked.hpp"
#include "ops/convolution.hpp"

namespace flownet2 {

enum class WinogradKind { plain, strided, transposed };

/// Whether the algorithm is able to serve this convolution (worth it or not).
bool winograd_serves(const ConvolutionSpec& spec);

class WinogradGeometry {
 public:
  explicit WinogradGeometry(const ConvolutionSpec& spec);

  WinogradKind kind() const { return kind_; }
  std::int64_t taps() const { return taps_; }  // r
  std::int64_t in_phases() const { return kind_ == WinogradKind::strided ? 4 : 1; }
  std::int64_t out_phases() const { return kind_ == WinogradKind::transposed ? 4 : 1; }
  std::int64_t in_step() const { return kind_ == WinogradKind::strided ? 2 : 1; }
  std::int64_t out_step() const { return kind_ == WinogradKind::transposed ? 2 : 1; }

  /// Size of the grid of an output of `size` rows or columns.
  std::int64_t grid(std::int64_t size) const {
    return kind_ == WinogradKind::transposed ? size / 2 + 1 : size;
  }

  /// First input row or column of a phase (0, 1) that grid point `u` reads; the next are in_step()
  /// apart.
  std::int64_t first_input(std::int64_t u, std::int64_t phase) const {
    return u * in_step() - padding_ + phase;
  }

  /// Output row or column of grid point `u`; it may lie outside the output.
  std::int64_t output(std::int64_t u, std::int64_t phase) const {
    return kind_ == WinogradKind::transposed ? 2 * u - phase : u;
  }

  /// The kernel's row or column that is tap `t` of a phase (input or output); -1: none, the tap is 0.
  std::int64_t kernel_index(std::int64_t t, std::int64_t phase) const;

  /// Taps of a phase that are not 0 for every kernel.
  std::int64_t used_taps(std::int64_t phase) const {
    return kernel_index(taps_ - 1, phase) < 0 ? taps_ - 1 : taps_;
  }

 private:
  WinogradKind kind_;
  std::int64_t kernel_;
  std::int64_t padding_;
  std::int64_t taps_;
};

}  // namespace flownet2
