// SPDX-License-Identifier: Apache-2.0
// How the threads of the pointwise kernels are laid out: pure functions of the sizes. A kernel walks
// beyond the end of a grid that the device's limits cut short, so only counts along x can be too large.
#pragma once

#include <cstdint>

// NVRTC has no standard library; of it tests/cuda/nvrtc_check.py gives what kernels need.
#if !defined(__CUDACC_RTC__)
#include <flownet2/error.hpp>

#include <algorithm>
#include <string>

#include "ops/checks.hpp"
#endif

namespace flownet2::cuda {

constexpr std::int64_t threads_per_block = 256;
constexpr std::int64_t most_blocks_x = 0x7fffffff;
constexpr std::int64_t most_blocks_yz = 65535;
constexpr std::int64_t longest_side = std::int64_t{1} << 30;  // rows and columns are counted in 32 bits
constexpr std::int64_t most_pixels = 0x7fffffff;              // of what is numbered in 32 bits

#if !defined(__CUDACC_RTC__)

struct Launch {
  unsigned blocks[3];
  unsigned threads[2];
};

inline unsigned blocks_for(const char* op, std::int64_t count, std::int64_t per_block) {
  const std::int64_t blocks = (count - 1) / per_block + 1;
  if (count < 1 || blocks > most_blocks_x) {
    throw Error(ErrorCode::too_large, std::string(op) + ": " + std::to_string(count) +
                                          " elements are none or too many for " +
                                          "one launch; take fewer images or rows in a call");
  }
  return static_cast<unsigned>(blocks);
}

/// Tiles of 32 columns and 8 rows, a batch along z.
inline Launch over_image(const char* op, std::int64_t h, std::int64_t w, std::int64_t batch) {
  if (h < 1 || w < 1 || batch < 1 || std::max(h, w) > longest_side) {
    fail(op, "height, width and batch must be at least 1, no side more than 2 ** 30 pixels; got " +
                 std::to_string(h) + ", " + std::to_string(w) + ", " + std::to_string(batch));
  }
  const auto down = static_cast<unsigned>(std::min((h - 1) / 8 + 1, most_blocks_yz));
  const auto deep = static_cast<unsigned>(std::min(batch, most_blocks_yz));
  return {{blocks_for(op, w, 32), down, deep}, {32, 8}};
}

/// `pieces` of each of `pixels`: the pieces of a pixel are neighbours in a block.
inline Launch over_pieces(const char* op, std::int64_t pixels, std::int64_t pieces) {
  std::int64_t along = 1;
  while (along < 32 && along < pieces) along *= 2;
  const std::int64_t across = (pieces - 1) / along + 1;
  if (pieces < 1 || across > most_blocks_yz || pixels > most_pixels) {
    throw Error(ErrorCode::too_large, std::string(op) + ": " + std::to_string(pixels) + " pixels of " +
                                          std::to_string(pieces) + " pieces are none or too many for " +
                                          "one launch; take fewer rows in a call");
  }
  const std::int64_t down = threads_per_block / along;
  return {{blocks_for(op, pixels, down), static_cast<unsigned>(across), 1},
          {static_cast<unsigned>(along), static_cast<unsigned>(down)}};
}

/// `pixels`, of each up to 4 channels to a thread. Neighbours in a block are channels of a pixel if
/// those lie together in memory, else pixels. A kernel walks on where the grid has fewer channels than
/// there are.
inline Launch over_channels(const char* op, std::int64_t pixels, std::int64_t channels, bool together) {
  constexpr std::int64_t of_thread = 4;
  if (channels < 1 || pixels > most_pixels) {
    throw Error(ErrorCode::too_large, std::string(op) + ": " + std::to_string(pixels) + " pixels of " +
                                          std::to_string(channels) + " channels are none or too many " +
                                          "for one launch; take fewer images in a call");
  }
  std::int64_t along = 1;
  while (together && along < 32 && along < channels) along *= 2;
  const std::int64_t down = threads_per_block / along;
  const std::int64_t across = std::min((channels - 1) / (along * of_thread) + 1, most_blocks_yz);
  return {{blocks_for(op, pixels, down), static_cast<unsigned>(across), 1},
          {static_cast<unsigned>(along), static_cast<unsigned>(down)}};
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
