// SPDX-License-Identifier: Apache-2.0
// What both tile vocabularies have in common.
#pragma once

#include <cstdint>

namespace flownet2 {
namespace {

/// What `tile_configure` loads: palette 1, rows and bytes per row of each tile.
struct TileShapes {
  std::uint8_t palette;
  std::uint8_t start_row;
  std::uint8_t reserved[14];
  std::uint16_t row_bytes[16];
  std::uint8_t rows[16];
};

}  // namespace
}  // namespace flownet2
