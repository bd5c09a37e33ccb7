// SPDX-License-Identifier: Apache-2.0
// The inner loops, as function pointers: the operators call them through one table, so that a faster
// table can take the place of this one. Arguments are checked by the operators.
#pragma once

#include <cstdint>

#include "cpu/bfloat16.hpp"

namespace flownet2 {

/// Pixels of a CorrelationBlock.
inline constexpr std::int64_t correlation_pixels = 16;

inline constexpr std::int64_t most_correlation_rows = 3;

/// The same pixels of some rows of a against one row of b.
struct CorrelationBlock {
  std::int64_t rows;                      // at most KernelTable::correlation_rows
  const float* a[most_correlation_rows];  // (channels, correlation_pixels)
  const float* b;  // (channels, b_width), from the partner of the first pixel at the first displacement
  float* sums[most_correlation_rows];  // (displacements, correlation_pixels); added to
  std::int64_t channels;
  std::int64_t b_width;
  std::int64_t displacements;
  std::int64_t stride;
};

/// One row of the result of a warp.
struct WarpRow {
  const float* x;  // (channels, h, w)
  std::int64_t channels;
  std::int64_t h;
  std::int64_t w;
  std::int64_t y;
  const float* flow;  // of this row: u, and v `flow_plane` behind
  std::int64_t flow_plane;
  float* out;  // of this row, channels `out_plane` apart
  std::int64_t out_plane;
  float scale_x;  // W / (W - 1), for align_corners false
  float scale_y;
  bool border;  // neighbours outside are the edge's pixels; else 0
  bool cut;     // points outside give 0; with border
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

/// Blocks of output channels of a strip, at most.
inline constexpr std::int64_t most_strip_blocks = 2;

/// A direct convolution of some input channels into some rows and columns of some blocks of 16 output
/// channels. The sums wait in `out` until the last channels were added. Inputs and weights are words of
/// 32 bits: a float, or a pair of bfloat16 of neighbouring input channels.
struct ConvolutionStrip {
  const float* in;          // blocks of 16 words for each pixel; see `taps`
  std::int64_t in_pixel;    // words between pixels
  std::int64_t in_plane;    // between blocks
  std::int64_t in_row;      // elements between rows
  std::int64_t row_stride;  // input rows between output rows; output columns are one input pixel apart
  std::int64_t words;       // of the input channels, all but the last block full
  std::int64_t taps_y;
  std::int64_t taps_x;
  const std::int64_t* taps;  // (taps_x), elements from `in` to what tap (0, x) reads for output (0, 0)
  std::int64_t top;          // picture row that tap 0 of output row 0 reads
  std::int64_t height;       // of the picture; taps above and below are left out
  const float* weight;       // (blocks, taps_y, taps_x, words of the block, width, 16)
  std::int64_t ahead;        // words from `weight` to what the next call reads, to be asked for now
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
  /// The end of a convolution to bfloat16: each block's results go here, rounded, instead of to `out`.
  bfloat16* rounded[most_strip_blocks];  // null: not the end
  std::int64_t rounded_row;
  std::int64_t rounded_pixel;
};

/// Pixels of the input times the weights of all taps of one kernel row and all outputs.
struct HeadProduct {
  const float* x;         // (channels, vecs * KernelTable::vec_width)
  const float* weight;    // (channels, columns)
  std::int64_t channels;  // of the input
  std::int64_t columns;
  std::int64_t vecs;  // 1 or 2
  float* out;         // (columns, out_step)
  std::int64_t out_step;
};

/// out[x] += in[0][x], in[1][x + 1], ... in this order.
struct HeadTaps {
  const float* in;  // (taps, in_step)
  std::int64_t in_step;
  std::int64_t taps;
  float* out;
  std::int64_t count;
};

/// End of a Winograd tile: sums -> outputs, 16 channels of m x m pixels.
template <typename T>
struct WinogradOutput {
  const float* sums;
  std::int64_t position;  // elements between positions of the tile
  const float* bias;      // (16)
  T* out;
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
  void (*output)(const WinogradOutput<float>& tile);
  /// The same from and to bfloat16; what lies between stays float.
  void (*input_bfloat16)(const bfloat16* in, std::int64_t row, std::int64_t column, float* out,
                         std::int64_t position);
  void (*output_bfloat16)(const WinogradOutput<bfloat16>& tile);

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
  /// 16 pairs of bfloat16 -> 16 floats of the lower, 16 of the upper ones.
  void (*split_pairs)(const float* pairs, float* lower, float* upper);
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

  std::int64_t vec_width;

  // Changes of layout: `pixels` pixels of a group of 16 channels.
  /// to[c * to_step + p] = channel c of pixel p.
  void (*take_channels)(const float* from, std::int64_t pixels, float* to, std::int64_t to_step);
  void (*take_channels_bfloat16)(const bfloat16* from, std::int64_t pixels, float* to,
                                 std::int64_t to_step);
  /// Channel c of pixel p = from[c][p], or 0 where from[c] is null.
  void (*put_channels)(const float* const* from, std::int64_t pixels, float* to);
  void (*put_channels_bfloat16)(const float* const* from, std::int64_t pixels, bfloat16* to);

  // Planar operators.
  std::int64_t correlation_rows;
  void (*correlate_block)(const CorrelationBlock& block);
  void (*warp_row)(const WarpRow& row);
  void (*resize_row)(const ResizeRow& row);
  /// out[i] = sqrt(sum over c of x[c * plane + i] ** 2), i < count
  void (*channel_norm)(const float* x, std::int64_t channels, std::int64_t plane, std::int64_t count,
                       float* out);

  // Convolution into few channels.
  void (*head_product)(const HeadProduct& product);
  void (*head_add)(const HeadTaps& taps);

  // Direct convolution.
  std::int64_t convolution_blocks;
  void (*convolution_strip)(const ConvolutionStrip& strip);
  void (*pairs_strip)(const ConvolutionStrip& strip);  // the same on pairs of bfloat16
  double pairs_rate;  // products of bfloat16 in the time of one of float32, by pairs_strip
  bool tiles;         // pairs_strip wants whole blocks of 16 words, filled up with zeros

  const WinogradKernels* winograd;  // null: not offered

  // Calibration.
  PeakLoop peak_fma;   // float32; multiplication and addition where there is no FMA
  PeakLoop peak_bf16;  // products of bfloat16, summed in float32
};

// cpu/dispatch.hpp chooses among them.
extern const KernelTable scalar_kernels;  // the compiler's default target, SSE2 on x86-64
extern const KernelTable avx2_kernels;
extern const KernelTable avx512_kernels;
extern const KernelTable avx512_bf16_kernels;
extern const KernelTable amx_kernels;

}  // namespace flownet2
