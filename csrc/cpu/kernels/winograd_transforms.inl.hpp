// SPDX-License-Identifier: Apache-2.0
// Winograd's transforms (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, from
// the Toom-Cook construction): polynomials are evaluated at as many points as a tile has inputs,
// multiplied there, and put together again. A struct is one dimension; two make the transform of a tile.
//   4 inputs  0, 1, -1, infinity
//   5 inputs  0, 1, -1, 2, infinity
//   6 inputs  0, +-sqrt(1/2), +-sqrt(2), infinity: errors are a fourth of those with +-1, +-2
#pragma once

#include <cstdint>

#include "cpu/blocked.hpp"
#include "cpu/kernel_table.hpp"
#include "cpu/unroll.hpp"

namespace flownet2 {
namespace {

// ---- helpers

constexpr float root = 1.41421356237309505f;
constexpr float half_root = 0.70710678118654752f;

inline Vec times(float factor, Vec v) { return multiply_add(splat(factor), v, zero()); }
inline Vec plus(Vec sum, float factor, Vec v) { return multiply_add(splat(factor), v, sum); }
inline Vec minus(Vec a, Vec b) { return plus(a, -1.0f, b); }

struct WinogradInput4 {
  static constexpr int from = 4;
  static constexpr int to = 4;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    y[0] = minus(x[0], x[2]);
    y[1] = add(x[1], x[2]);
    y[2] = minus(x[2], x[1]);
    y[3] = minus(x[3], x[1]);
  }
};

struct WinogradInput5 {
  static constexpr int from = 5;
  static constexpr int to = 5;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    const Vec step = minus(x[3], x[1]);
    y[0] = plus(step, 2.0f, minus(x[0], x[2]));
    y[1] = plus(minus(x[3], x[2]), -2.0f, x[1]);
    y[2] = plus(plus(x[3], -3.0f, x[2]), 2.0f, x[1]);
    y[3] = step;
    y[4] = plus(minus(x[4], x[2]), -2.0f, step);
  }
};

struct WinogradInput6 {
  static constexpr int from = 6;
  static constexpr int to = 6;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    const Vec even = plus(x[4], -2.0f, x[2]);
    const Vec odd = plus(x[3], -2.0f, x[1]);
    const Vec even2 = plus(x[4], -0.5f, x[2]);
    const Vec odd2 = plus(x[3], -0.5f, x[1]);
    y[0] = plus(add(x[0], x[4]), -2.5f, x[2]);
    y[1] = plus(even, half_root, odd);
    y[2] = plus(even, -half_root, odd);
    y[3] = plus(even2, root, odd2);
    y[4] = plus(even2, -root, odd2);
    y[5] = plus(add(x[1], x[5]), -2.5f, x[3]);
  }
};

struct WinogradWeights23 {
  static constexpr int from = 3;
  static constexpr int to = 4;
  static void run(const Vec (&g)[from], Vec (&y)[to]) {
    const Vec even = times(0.5f, add(g[0], g[2]));
    y[0] = g[0];
    y[1] = plus(even, 0.5f, g[1]);
    y[2] = plus(even, -0.5f, g[1]);
    y[3] = g[2];
  }
};

struct WinogradWeights32 {
  static constexpr int from = 2;
  static constexpr int to = 4;
  static void run(const Vec (&g)[from], Vec (&y)[to]) {
    y[0] = g[0];
    y[1] = times(0.5f, add(g[0], g[1]));
    y[2] = times(0.5f, minus(g[0], g[1]));
    y[3] = g[1];
  }
};

struct WinogradWeights42 {
  static constexpr int from = 2;
  static constexpr int to = 5;
  static void run(const Vec (&g)[from], Vec (&y)[to]) {
    y[0] = times(0.5f, g[0]);
    y[1] = times(-0.5f, add(g[0], g[1]));
    y[2] = times(1.0f / 6, minus(g[1], g[0]));
    y[3] = times(1.0f / 6, plus(g[0], 2.0f, g[1]));
    y[4] = g[1];
  }
};

struct WinogradWeights43 {
  static constexpr int from = 3;
  static constexpr int to = 6;
  static void run(const Vec (&g)[from], Vec (&y)[to]) {
    const Vec even = times(-2.0f / 3, plus(g[0], 0.5f, g[2]));
    const Vec even2 = times(1.0f / 6, plus(g[0], 2.0f, g[2]));
    y[0] = g[0];
    y[1] = plus(even, -half_root * 2 / 3, g[1]);
    y[2] = plus(even, half_root * 2 / 3, g[1]);
    y[3] = plus(even2, root / 6, g[1]);
    y[4] = plus(even2, -root / 6, g[1]);
    y[5] = g[2];
  }
};

struct WinogradWeights34 {
  static constexpr int from = 4;
  static constexpr int to = 6;
  static void run(const Vec (&g)[from], Vec (&y)[to]) {
    const Vec even = times(-2.0f / 3, plus(g[0], 0.5f, g[2]));
    const Vec odd = plus(g[1], 0.5f, g[3]);
    const Vec even2 = times(1.0f / 6, plus(g[0], 2.0f, g[2]));
    const Vec odd2 = plus(g[1], 2.0f, g[3]);
    y[0] = g[0];
    y[1] = plus(even, -half_root * 2 / 3, odd);
    y[2] = plus(even, half_root * 2 / 3, odd);
    y[3] = plus(even2, root / 6, odd2);
    y[4] = plus(even2, -root / 6, odd2);
    y[5] = g[3];
  }
};

struct WinogradOutput2 {
  static constexpr int from = 4;
  static constexpr int to = 2;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    y[0] = add(x[0], add(x[1], x[2]));
    y[1] = add(x[3], minus(x[1], x[2]));
  }
};

struct WinogradOutput3of4 {
  static constexpr int from = 4;
  static constexpr int to = 3;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    const Vec sum = add(x[1], x[2]);
    y[0] = add(x[0], sum);
    y[1] = minus(x[1], x[2]);
    y[2] = add(x[3], sum);
  }
};

struct WinogradOutput4of5 {
  static constexpr int from = 5;
  static constexpr int to = 4;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    const Vec sum = add(x[1], x[2]);
    const Vec difference = minus(x[1], x[2]);
    y[0] = add(add(x[0], sum), x[3]);
    y[1] = plus(difference, 2.0f, x[3]);
    y[2] = plus(sum, 4.0f, x[3]);
    y[3] = add(plus(difference, 8.0f, x[3]), x[4]);
  }
};

struct WinogradOutput3of6 {
  static constexpr int from = 6;
  static constexpr int to = 3;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    const Vec sum = add(x[1], x[2]);
    const Vec sum2 = add(x[3], x[4]);
    y[0] = add(add(x[0], sum), sum2);
    y[1] = plus(times(half_root, minus(x[1], x[2])), root, minus(x[3], x[4]));
    y[2] = plus(plus(x[5], 0.5f, sum), 2.0f, sum2);
  }
};

struct WinogradOutput4of6 {
  static constexpr int from = 6;
  static constexpr int to = 4;
  static void run(const Vec (&x)[from], Vec (&y)[to]) {
    const Vec sum = add(x[1], x[2]);
    const Vec sum2 = add(x[3], x[4]);
    const Vec difference = minus(x[1], x[2]);
    const Vec difference2 = minus(x[3], x[4]);
    y[0] = add(add(x[0], sum), sum2);
    y[1] = plus(times(half_root, difference), root, difference2);
    y[2] = plus(times(0.5f, sum), 2.0f, sum2);
    y[3] = plus(plus(x[5], half_root / 2, difference), root * 2, difference2);
  }
};

/// Columns, then rows; `place` gets (row, column, value) of the result, for `lane` and what follows it.
template <class Line, typename T, class Place>
inline void winograd_tile(const T* in, std::int64_t row, std::int64_t column, const Place& place) {
  Vec middle[Line::to][Line::from];
  for (int j = 0; j < Line::from; ++j) {
    Vec x[Line::from];
    Vec y[Line::to];
    FLOWNET2_UNROLL
    for (int i = 0; i < Line::from; ++i) x[i] = load(in + i * row + j * column);
    Line::run(x, y);
    FLOWNET2_UNROLL
    for (int i = 0; i < Line::to; ++i) middle[i][j] = y[i];
  }
  for (int i = 0; i < Line::to; ++i) {
    Vec y[Line::to];
    Line::run(middle[i], y);
    FLOWNET2_UNROLL
    for (int j = 0; j < Line::to; ++j) place(i, j, y[j]);
  }
}

// ---- kernels

/// (from, from) -> (to * to), `position` elements apart; 16 lanes.
template <class Line, typename T>
void winograd_forward(const T* in, std::int64_t row, std::int64_t column, float* out,
                      std::int64_t position) {
  for (int lane = 0; lane < channel_block; lane += vec_width) {
    float* to = out + lane;
    winograd_tile<Line>(in + lane, row, column,
                        [=](int i, int j, Vec v) { store(to + (i * Line::to + j) * position, v); });
  }
}

template <class Line, typename T>
void winograd_output(const WinogradOutput<T>& tile) {
  const Vec slope = splat(tile.slope);
  const std::int64_t position = tile.position;
  const std::int64_t row = tile.out_row;
  const std::int64_t pixel = tile.out_pixel;
  for (int lane = 0; lane < channel_block; lane += vec_width) {
    const Vec bias = load(tile.bias + lane);
    T* to = tile.out + lane;
    winograd_tile<Line>(tile.sums + lane, Line::from * position, position, [=](int i, int j, Vec v) {
      store(to + i * row + j * pixel, leaky(add(v, bias), slope));
    });
  }
}

}  // namespace
}  // namespace flownet2
