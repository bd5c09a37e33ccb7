// SPDX-License-Identifier: Apache-2.0
// The inner loops, as function pointers: the operators call them through one table, so that a faster
// table can take the place of this one. Arguments are checked by the operators.
#pragma once

#include <cstdint>

namespace flownet2 {

/// Pixels per block of the packed first feature map; buffer widths are multiples of it.
inline constexpr std::int64_t correlation_block = 16;

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

/// A direct convolution of some input channels into some rows and columns of some channel blocks of the
/// output. The sums wait in `out` until the last channels were added.
struct ConvolutionStrip {
  const float* in;          // blocks of input channels; see `taps`
  std::int64_t in_plane;    // elements between blocks
  std::int64_t in_row;      // elements between rows
  std::int64_t row_stride;  // input rows between output rows; output columns are one input pixel apart
  std::int64_t channels;    // of the input, all but the last block full
  std::int64_t taps_y;
  std::int64_t taps_x;
  const std::int64_t* taps;  // (taps_x), elements from `in` to what tap (0, x) reads for output (0, 0)
  std::int64_t top;          // picture row that tap 0 of output row 0 reads
  std::int64_t height;       // of the picture; taps above and below are left out
  const float* weight;       // (blocks, taps_y, taps_x, channels of the block, width, 16)
  const float* bias;         // (width, 16), what the sums start from; null: from `out`
  float* out;
  std::int64_t out_plane;
  std::int64_t out_row;
  std::int64_t out_pixel;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t width;  // blocks of output channels, at most KernelTable::convolution_blocks
  bool leaky;          // this is the end: apply LeakyReLU
  float slope;
};

/// The same for few output channels: the lanes of a vector are input channels. weight is (blocks,
/// taps_y, taps_x, outputs, 16), bias (outputs).
struct NarrowStrip {
  ConvolutionStrip strip;  // `width` unused
  std::int64_t outputs;    // at most narrow_outputs
  float* sums;             // (rows, columns, outputs, 16), between calls
  bool first;              // sums start from 0
  bool last;               // write `out`
};

inline constexpr std::int64_t narrow_outputs = 4;

/// End of a Winograd tile: sums -> outputs, 16 channels of m x m pixels.
struct WinogradOutput {
  const float* sums;
  std::int64_t position;  // elements between positions of the tile
  const float* bias;      // (16)
  float* out;
  std::int64_t out_row;
  std::int64_t out_pixel;
  float slope;  // of LeakyReLU; 1: none
};

/// Winograd's F(m, r): r x r taps on a tile of m x m outputs by (m + r - 1) ** 2 products, at positions.
struct WinogradTransforms {
  std::int64_t m;
  std::int64_t r;
  /// 16 lanes of r x r taps, or of (m + r - 1) ** 2 inputs, to the positions.
  void (*weights)(const float* in, std::int64_t row, std::int64_t column, float* out,
                  std::int64_t position);
  void (*input)(const float* in, std::int64_t row, std::int64_t column, float* out,
                std::int64_t position);
  void (*output)(const WinogradOutput& tile);

  std::int64_t side() const { return m + r - 1; }
};

/// The products at one position, tiles times output channels, summed over input channels. Tiles come in
/// panels of WinogradProduct::rows.
struct WinogradPanels {
  const float* v;  // (panels, input blocks, rows, 16); panels lie v_panel elements apart
  std::int64_t v_panel;
  const float* u;         // (channels, blocks, 16)
  float* sums;            // (panels, blocks, rows, 16)
  std::int64_t channels;  // of the input
  std::int64_t tiles;
  bool add;  // to what `sums` holds
};

struct WinogradProduct {
  std::int64_t blocks;  // of output channels
  std::int64_t rows;
  void (*run)(const WinogradPanels& panels);  // null: not offered
};

struct WinogradKernels {
  WinogradProduct products[2];  // more blocks first; the last one is offered, with 1
  WinogradTransforms transforms[5];
};

/// Arithmetic in registers alone, for measure_peak().
struct PeakLoop {
  double flop;                        // multiplications and additions of one round
  float (*run)(std::int64_t rounds);  // null: the instruction set has no such arithmetic
};

struct KernelTable {
  const char* name;

  // Planar operators.
  void (*correlation_row)(const CorrelationRow& row);
  void (*warp_row)(const WarpImage& image, std::int64_t y);
  void (*resize_row)(const ResizeRow& row);
  /// out[i] = sqrt(sum over c of x[c * plane + i] ** 2), i < count
  void (*channel_norm)(const float* x, std::int64_t channels, std::int64_t plane, std::int64_t count,
                       float* out);

  // Direct convolution.
  std::int64_t convolution_blocks;
  void (*convolution_strip)(const ConvolutionStrip& strip);
  void (*narrow_strip)(const NarrowStrip& strip);

  const WinogradKernels* winograd;  // null: not offered

  // Calibration.
  PeakLoop peak_fma;   // float32; multiplication and addition where there is no FMA
  PeakLoop peak_bf16;  // products of bfloat16, summed in float32
};

// cpu/dispatch.hpp chooses among them.
extern const KernelTable scalar_kernels;  // the compiler's default target, SSE2 on x86-64
extern const KernelTable avx2_kernels;
extern const KernelTable avx512_kernels;

}  // namespace flownet2
