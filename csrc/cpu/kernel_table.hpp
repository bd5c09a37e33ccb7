// SPDX-License-Identifier: Apache-2.0
// The inner loops, as function pointers: the operators call them through one table, so that a faster
// table can take the place of this one. Arguments are checked by the operators.
#pragma once

#include <cstdint>

namespace flownet2 {

/// Pixels per block of the packed first feature map; buffer widths are multiples of it.
inline constexpr std::int64_t correlation_block = 8;

/// One row of `a` against one row of `b`.
struct CorrelationRow {
  const float* a;  // (blocks, channels, correlation_block)
  const float* b;  // (channels, b_width): `reach` zeros, the row, zeros
  float* sums;     // (displacements, blocks * correlation_block); added to
  std::int64_t channels;
  std::int64_t blocks;
  std::int64_t b_width;
  std::int64_t displacements;
  std::int64_t stride;
};

/// One image and its flow.
struct WarpImage {
  const float* x;     // (channels, h, w)
  const float* flow;  // (2, h, w)
  float* out;         // (channels, h, w)
  std::int64_t channels;
  std::int64_t h;
  std::int64_t w;
  float scale_x;  // W / (W - 1), for align_corners false
  float scale_y;
  bool border;
  bool align_corners;
  bool mask;
};

/// Where an output position reads its line: (1 - weight) of `first`, weight of `second`.
struct ResizeTap {
  std::int64_t first;
  std::int64_t second;
  float weight;
};

struct ResizeRow {
  const float* top;  // (in_w)
  const float* bottom;
  float weight;  // of bottom
  std::int64_t in_w;
  const ResizeTap* columns;  // (out_w)
  std::int64_t out_w;
  float* line;  // (in_w), working memory
  float* out;   // (out_w)
};

struct KernelTable {
  const char* name;
  void (*correlation_row)(const CorrelationRow& row);
  void (*warp_row)(const WarpImage& image, std::int64_t y);
  void (*resize_row)(const ResizeRow& row);
  /// out[i] = sqrt(sum over c of x[c * plane + i] ** 2), i < count
  void (*channel_norm)(const float* x, std::int64_t channels, std::int64_t plane, std::int64_t count,
                       float* out);
};

/// Built for the compiler's default target (SSE2 on x86-64).
extern const KernelTable scalar_kernels;

}  // namespace flownet2
