// SPDX-License-Identifier: Apache-2.0
// The kernels of strided tensors, the gathering of windows and what follows products against plain
// loops, for several layouts and schedules: status 1 where one is wrong. test_mutants.py compiles it
// with the kernels as they are and with mistakes planted in them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <utility>
#include <vector>

#include "error.cpp"
#include "ops/checks.cpp"

// Each source has its own constant of that name, and here they are one source.
#define op channel_norm_op
#include "cuda/channel_norm.cu"
#undef op
#define op resize_op
#include "cuda/resize.cu"
#undef op
#define op warp_op
#include "cuda/warp.cu"
#undef op
#define op elementwise_op
#include "cuda/elementwise.cu"
#undef op
#define op gather_op
#include "cuda/gather.cu"
#undef op
#define op epilogue_op
#include "cuda/epilogue.cu"
#undef op

namespace {

using namespace flownet2;
using namespace flownet2::cuda;

constexpr float kUntouched = 77;

/// Memory of one size for all, some images longer than any: what a mistake reads or writes is in there.
struct Field {
  Shape shape;
  Strides strides;
  std::int64_t first;
  std::vector<float> memory = std::vector<float>(1 << 17, kUntouched);

  Field(const Shape& s, bool pixels, std::uint32_t seed) : shape(s) {
    const std::int64_t pitch = s.c + 5;  // a slice of wider pixels, or planes that follow each other
    strides = pixels ? Strides{s.h * s.w * pitch, 1, s.w * pitch, pitch}
                     : Strides{s.c * s.h * s.w, s.h * s.w, s.w, 1};
    first = pixels ? 2 : 0;
    if (seed == 0) return;
    for (float& value : memory) {
      seed = seed * 1664525u + 1013904223u;
      value = float(int(seed >> 20) - 2048) / 1024;
    }
  }

  std::size_t place(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return std::size_t(first + n * strides.n + c * strides.c + y * strides.h + x * strides.w);
  }
  float at(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return memory[place(n, c, y, x)];
  }
  /// 0 outside.
  float inside(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return y < 0 || x < 0 || y >= shape.h || x >= shape.w ? 0.0f : at(n, c, y, x);
  }
  ConstTensor read() const { return {memory.data() + first, Number::float32, shape, strides}; }
  MutableTensor write() { return {memory.data() + first, Number::float32, shape, strides}; }
};

using Value = std::function<double(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>;

/// Whether all elements have their value, and all other memory the one that it had.
bool holds(Field& out, const Value& value) {
  const Shape& s = out.shape;
  for (std::int64_t i = 0; i < s.n * s.c * s.h * s.w; ++i) {
    const std::int64_t x = i % s.w, y = i / s.w % s.h, c = i / s.w / s.h % s.c, n = i / s.w / s.h / s.c;
    float& got = out.memory[out.place(n, c, y, x)];
    if (!(std::fabs(double(got) - value(n, c, y, x)) <= 1e-4)) return false;
    got = kUntouched;
  }
  return std::all_of(out.memory.begin(), out.memory.end(), [](float v) { return v == kUntouched; });
}

/// An axis of a bilinear resize with half-pixel centres.
double tap(std::int64_t i, std::int64_t in, std::int64_t out, std::int64_t& first) {
  const double at = std::max((double(i) + 0.5) * double(in) / double(out) - 0.5, 0.0);
  first = std::int64_t(at);
  return at - double(first);
}

bool norm_right(const Shape& shape, bool pixels) {
  const Field x(shape, pixels, 1);
  Field out({shape.n, 1, shape.h, shape.w}, !pixels, 0);
  channel_norm(x.read(), out.write(), nullptr);
  return holds(out, [&](auto n, auto, auto y, auto column) {
    double sum = 0;
    for (std::int64_t c = 0; c < shape.c; ++c) sum += std::pow(double(x.at(n, c, y, column)), 2);
    return std::sqrt(sum);
  });
}

bool resize_right(const Shape& shape, bool pixels) {
  const Field x(shape, pixels, 2);
  Field out({shape.n, shape.c, shape.h + 2, 2 * shape.w}, !pixels, 0);
  resize(x.read(), ResizeMode::bilinear, false, out.write(), nullptr);
  return holds(out, [&](auto n, auto c, auto y, auto column) {
    std::int64_t top, left;
    const double down = tap(y, shape.h, out.shape.h, top);
    const double right = tap(column, shape.w, out.shape.w, left);
    const std::int64_t bottom = std::min(top + 1, shape.h - 1), end = std::min(left + 1, shape.w - 1);
    const auto line = [&](std::int64_t row) {
      return x.at(n, c, row, left) * (1 - right) + x.at(n, c, row, end) * right;
    };
    return line(top) * (1 - down) + line(bottom) * down;
  });
}

bool warp_right(const Shape& shape, bool pixels) {
  const Field x(shape, pixels, 3), flow({shape.n, 2, shape.h, shape.w}, !pixels, 4);
  Field out(shape, pixels, 0);
  warp(x.read(), flow.read(), {Padding::zeros, true, true}, out.write(), nullptr);
  return holds(out, [&](auto n, auto c, auto y, auto column) {
    const double at_x = double(column) + double(flow.at(n, 0, y, column));
    const double at_y = double(y) + double(flow.at(n, 1, y, column));
    const double left = std::floor(at_x), top = std::floor(at_y);
    const bool whole =
        left >= 0 && top >= 0 && at_x <= double(shape.w - 1) && at_y <= double(shape.h - 1);
    double sum = 0;
    for (int k = 0; whole && k < 4; ++k) {
      const double weight =
          (k / 2 ? at_y - top : top + 1 - at_y) * (k % 2 ? at_x - left : left + 1 - at_x);
      sum += weight * x.inside(n, c, std::int64_t(top) + k / 2, std::int64_t(left) + k % 2);
    }
    return sum;
  });
}

bool cut_right(const Shape& shape, bool pixels) {
  const Field x(shape, pixels, 3), flow({shape.n, 2, shape.h, shape.w}, !pixels, 4);
  Field out(shape, pixels, 0);
  warp(x.read(), flow.read(), {Padding::cut, true, false}, out.write(), nullptr);
  return holds(out, [&](auto n, auto c, auto y, auto column) {
    const double at_x = double(column) + double(flow.at(n, 0, y, column));
    const double at_y = double(y) + double(flow.at(n, 1, y, column));
    if (at_x < 0 || at_y < 0 || at_x >= double(shape.w) || at_y >= double(shape.h)) return 0.0;
    const auto left = std::int64_t(at_x), top = std::int64_t(at_y);
    const std::int64_t end = std::min(left + 1, shape.w - 1), bottom = std::min(top + 1, shape.h - 1);
    const double right = at_x - double(left), down = at_y - double(top);
    const auto line = [&](std::int64_t row) {
      return x.at(n, c, row, left) * (1 - right) + x.at(n, c, row, end) * right;
    };
    return line(top) * (1 - down) + line(bottom) * down;
  });
}

bool elementwise_right(const Shape& shape, bool pixels) {
  const Field a(shape, pixels, 5), b(shape, !pixels, 6);
  Field out(shape, pixels, 0);
  elementwise({ElementwiseKind::sub, 1.0f, 0.25f}, a.read(), b.read(), out.write(), nullptr);
  return holds(out, [&](auto n, auto c, auto y, auto x) {
    const double value = double(a.at(n, c, y, x)) - double(b.at(n, c, y, x));
    return value > 0 ? value : value / 4;
  });
}

/// 3x3 of stride 1; always pixels, of 16 bytes if that is said.
bool gather_right(const Shape& shape, bool whole) {
  Field x({shape.n, whole ? 4 : shape.c, shape.h, shape.w}, true, 7);
  x.first = 4;  // at an address of 16 bytes, whatever the pitch
  const Shape& s = x.shape;
  const std::int64_t channels = 9 * s.c;
  Field out({s.n, channels, s.h, s.w}, true, 0);
  out.first = 0;
  out.strides = {s.h * s.w * channels, 1, s.w * channels, channels};
  const Gather what = convolution_windows(s, x.strides.w, 4, 3, 1, 1);
  gather(x.read().data, what, 0, s.n * s.h, out.memory.data(), nullptr);
  return holds(out, [&](auto n, auto c, auto y, auto column) {
    const std::int64_t place = c / s.c;
    return x.inside(n, c % s.c, y + place / 3 - 1, column + place % 3 - 1);
  });
}

/// Pixels that begin at an address of 16 bytes, at a pitch of 16 bytes if that is said, room before
/// them.
Field pixels_of(const Shape& s, bool whole, std::uint32_t seed) {
  Field field(s, true, seed);
  const std::int64_t pitch = s.c / 4 * 4 + (whole ? 8 : 7);
  field.strides = {s.h * s.w * pitch, 1, s.w * pitch, pitch};
  field.first = (s.w + 1) * pitch / 4 * 4 + 4;
  return field;
}

float leaky_quarter(float value) { return value > 0 ? value : value / 4; }

bool epilogue_right(const Shape& shape, bool whole) {
  const Field x = pixels_of(shape, whole, 8), bias(shape, false, 9);
  Field out = pixels_of(shape, whole, 0);
  Epilogue what;
  what.rows = shape.n * shape.h;
  what.columns = shape.w;
  what.channels = shape.c;
  what.in_pitch = x.strides.w;
  what.out_pitch = out.strides.w + 4;  // not that of the input
  what.slope = 0.25f;
  out.strides = {shape.h * shape.w * what.out_pitch, 1, shape.w * what.out_pitch, what.out_pitch};
  epilogue(x.read().data, Number::float32, bias.memory.data(), out.write().data, Number::float32, what,
           nullptr);
  return holds(out, [&](auto n, auto c, auto y, auto column) {
    return leaky_quarter(x.at(n, c, y, column) + bias.memory[std::size_t(c)]);
  });
}

/// In two slabs, the second from the first image's last row on where there are two images.
bool scatter_right(const Shape& shape, bool whole) {
  const std::int64_t filled = (shape.c + 7) / 8 * 8;
  const Field x = pixels_of({shape.n, 4 * filled, shape.h + 1, shape.w + 1}, whole, 10);
  const Field bias(shape, false, 11);
  Field out = pixels_of({shape.n, shape.c, 2 * shape.h, 2 * shape.w}, whole, 0);
  const Scatter what = {out.shape, x.strides.w, filled, out.strides.w, 0.25f};
  const std::int64_t rows = shape.n * (shape.h + 1);
  const auto* sums = static_cast<const float*>(x.read().data);
  for (const auto& [first, last] : {std::pair{std::int64_t{0}, shape.h}, std::pair{shape.h, rows}}) {
    scatter(sums + first * x.strides.h, Number::float32, bias.memory.data(), out.write().data,
            Number::float32, what, first, last, nullptr);
  }
  return holds(out, [&](auto n, auto c, auto y, auto column) {
    const std::int64_t phase = 2 * ((y + 1) % 2) + (column + 1) % 2;
    const float sum = x.at(n, phase * filled + c, (y + 1) / 2, (column + 1) / 2);
    return leaky_quarter(sum + bias.memory[std::size_t(c)]);
  });
}

bool right(const char* name, bool (*kernel)(const Shape&, bool)) {
  bool fine = true;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    cuh::set_seed(seed);
    for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 37, 4, 3}}) {
      fine = fine && kernel(shape, true) && kernel(shape, false);
    }
  }
  std::printf("%s %s\n", name, fine ? "right" : "wrong");
  return fine;
}

}  // namespace

int main() {
  const bool all[] = {right("norm", norm_right),
                      right("resize", resize_right),
                      right("warp", warp_right),
                      right("cut", cut_right),
                      right("elementwise", elementwise_right),
                      right("gather", gather_right),
                      right("epilogue", epilogue_right),
                      right("scatter", scatter_right)};
  return std::all_of(std::begin(all), std::end(all), [](bool fine) { return fine; }) ? 0 : 1;
}
