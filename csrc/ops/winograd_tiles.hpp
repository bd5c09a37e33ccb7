// SPDX-License-Identifier: Apache-2.0
// Tiles of a Winograd convolution: reads of the input, zeros around it, and writes of the output, cut
// off at its edges.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"
#include "ops/convolution.hpp"
#include "ops/winograd_geometry.hpp"
#include "ops/winograd_weights.hpp"

namespace flownet2 {

/// Position planes start this many elements apart or more: at least `count`, and spread over the sets of
/// the caches, which a multiple of a page would not be.
std::int64_t winograd_position(std::int64_t count);

/// Numbers the tiles of all images: row by row, from each image's origin.
class WinogradTiles {
 public:
  WinogradTiles(const WinogradGeometry& geometry, const WinogradTransforms& transforms,
                const ConstBlocked& in, const MutableBlocked& out);

  std::int64_t count() const { return in_.n() * rows_ * columns_; }

  /// Transformed inputs of a tile, one 16-channel block and phase -> out, positions `position` apart.
  void read(std::int64_t tile, std::int64_t phase, std::int64_t block, float* out,
            std::int64_t position) const;

  /// `end` has sums, position, bias and slope; the place is found here. `block` counts those of all
  /// output phases.
  void write(std::int64_t tile, std::int64_t block, const WinogradOutput<float>& end) const;

 private:
  struct Place {
    std::int64_t n, y, x;  // y, x on the grid
  };
  Place place(std::int64_t tile) const;
  template <typename T>
  void read_as(std::int64_t tile, std::int64_t phase, std::int64_t block, float* out,
               std::int64_t position) const;
  template <typename T>
  void write_as(std::int64_t tile, std::int64_t block, const WinogradOutput<float>& end) const;

  WinogradGeometry geometry_;
  const WinogradTransforms& transforms_;
  ConstBlocked in_;
  MutableBlocked out_;
  std::int64_t rows_;
  std::int64_t columns_;
};

}  // namespace flownet2
