// SPDX-License-Identifier: Apache-2.0
// Winograd and direct convolutions against the definition in double precision; bits against threads and
// batches.
#include <flownet2/runtime.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cpu/dispatch.hpp"
#include "cpu/memory.hpp"
#include "ops/direct_convolution.hpp"
#include "ops/winograd_convolution.hpp"
#include "ops/winograd_geometry.hpp"

namespace {

using namespace flownet2;

constexpr double tolerance = 3e-5;  // of the largest value

struct Tensor {
  AlignedFloats data;
  MutableBlocked view;

  Tensor(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w)
      : data(aligned_floats("test", n * blocks_of(c) * h * w * channel_block)),
        view(data.get(), Element::float32, n, c, h, w, blocks_of(c) * h * w * channel_block) {}

  float& at(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return view.group<float>(n, c / channel_block)[(y * view.w + x) * channel_block + c % channel_block];
  }
  std::int64_t size() const { return view.n() * blocks_of(view.c) * view.h * view.w * channel_block; }
};

struct Case {
  ConvolutionSpec spec;
  std::int64_t n, h, w;
};

ConvolutionSpec plain(std::int64_t ci, std::int64_t co, std::int64_t pad) {
  return {ci, co, 3, 3, 1, 1, pad, pad, false, 0.1f};
}
ConvolutionSpec strided(std::int64_t ci, std::int64_t co, std::int64_t kernel) {
  return {ci, co, kernel, kernel, 2, 2, kernel / 2, kernel / 2, false, 0.1f};
}
ConvolutionSpec transposed(std::int64_t ci, std::int64_t co) {
  return {ci, co, 4, 4, 2, 2, 1, 1, true, 0.1f};
}

std::int64_t out_size(const ConvolutionSpec& spec, std::int64_t size) {
  return spec.transposed ? 2 * size : (size + 2 * spec.ph - spec.kh) / spec.sh + 1;
}

class Problem {
 public:
  explicit Problem(const Case& what, unsigned seed)
      : spec(what.spec),
        in(what.n, spec.ci, what.h, what.w),
        weight(static_cast<std::size_t>(spec.ci * spec.co * spec.kh * spec.kw)),
        bias(static_cast<std::size_t>(spec.co)) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (float& value : weight) value = uniform(random);
    for (float& value : bias) value = uniform(random);
    for (std::int64_t n = 0; n < what.n; ++n) {
      for (std::int64_t c = 0; c < spec.ci; ++c) {
        for (std::int64_t i = 0; i < what.h * what.w; ++i)
          in.at(n, c, i / what.w, i % what.w) = uniform(random);
      }
    }
  }

  /// Everything is NaN before, so that what is not written shows.
  Tensor run(const Convolution& convolution) const {
    Tensor out(in.view.n(), spec.co, out_size(spec, in.view.h), out_size(spec, in.view.w));
    std::fill(out.data.get(), out.data.get() + out.size(), std::nanf(""));
    convolution.run(in.view, out.view);
    return out;
  }

  double expected(std::int64_t n, std::int64_t o, std::int64_t y, std::int64_t x) const {
    double sum = bias[static_cast<std::size_t>(o)];
    for (std::int64_t i = 0; i < spec.kh; ++i) {
      for (std::int64_t j = 0; j < spec.kw; ++j) {
        std::int64_t iy = spec.transposed ? y + spec.ph - i : y * spec.sh - spec.ph + i;
        std::int64_t ix = spec.transposed ? x + spec.pw - j : x * spec.sw - spec.pw + j;
        if (spec.transposed) {
          if (iy < 0 || ix < 0 || iy % spec.sh != 0 || ix % spec.sw != 0) continue;
          iy /= spec.sh;
          ix /= spec.sw;
        }
        if (iy < 0 || ix < 0 || iy >= in.view.h || ix >= in.view.w) continue;
        for (std::int64_t c = 0; c < spec.ci; ++c) {
          const std::int64_t pair = spec.transposed ? c * spec.co + o : o * spec.ci + c;
          sum +=
              static_cast<double>(in.at(n, c, iy, ix)) *
              static_cast<double>(weight[static_cast<std::size_t>((pair * spec.kh + i) * spec.kw + j)]);
        }
      }
    }
    return sum > 0 || !spec.leaky_slope ? sum : sum * static_cast<double>(*spec.leaky_slope);
  }

  ConvolutionSpec spec;
  Tensor in;
  std::vector<float> weight;
  std::vector<float> bias;
};

std::unique_ptr<Convolution> make(const KernelTable& kernels, const Problem& problem,
                                  const float* bias) {
  auto weights = pack_direct(kernels, problem.spec, problem.weight.data());
  return make_winograd_convolution(kernels, problem.spec,
                                   std::make_shared<const DirectWeights>(std::move(weights)), bias);
}

/// Compares some of the outputs, all edges among them, and the lanes beyond the last channel.
void check_against_definition(const Problem& problem, const Tensor& out) {
  double largest = 0.0;
  double worst = 0.0;
  std::int64_t strange_lanes = 0;
  const MutableBlocked& view = out.view;
  const std::int64_t step = std::max<std::int64_t>(1, problem.spec.ci * view.h * view.w / 60000);
  for (std::int64_t n = 0; n < view.n(); ++n) {
    for (std::int64_t y = 0; y < view.h; ++y) {
      for (std::int64_t x = 0; x < view.w; ++x) {
        const bool edge = y == 0 || x == 0 || y == view.h - 1 || x == view.w - 1;
        for (std::int64_t o = edge ? (y + x) % 3 : (y + x) % step; o < view.c; o += step) {
          const double expected = problem.expected(n, o, y, x);
          largest = std::max(largest, std::fabs(expected));
          const double error = std::fabs(static_cast<double>(out.at(n, o, y, x)) - expected);
          worst = error <= worst ? worst : error;  // NaN stays
        }
        for (std::int64_t o = view.c; o < blocks_of(view.c) * channel_block; ++o) {
          strange_lanes += out.at(n, o, y, x) == 0.0f ? 0 : 1;
        }
      }
    }
  }
  INFO("kernel ", problem.spec.kh, " ci ", problem.spec.ci, " co ", problem.spec.co, " out ", view.h,
       "x", view.w);
  CHECK(worst <= tolerance * largest);
  CHECK(strange_lanes == 0);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.size() == b.size() && std::equal(a.data.get(), a.data.get() + a.size(), b.data.get());
}

void check_batch(const Problem& problem, const Convolution& convolution, const Tensor& out) {
  for (std::int64_t n = 0; n < problem.in.view.n(); ++n) {
    ConstBlocked one = problem.in.view;
    one.images = {problem.in.view.images[static_cast<std::size_t>(n)]};
    Tensor alone(1, problem.spec.co, out.view.h, out.view.w);
    convolution.run(one, alone.view);
    const float* from = out.view.images[static_cast<std::size_t>(n)];
    CHECK(std::equal(from, from + alone.size(), alone.data.get()));
  }
}

/// Of the instruction sets that offer it.
std::vector<const KernelTable*> winograd_tables() {
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : available_kernels()) {
    if (table->winograd != nullptr) tables.push_back(table);
  }
  return tables;
}

void check_case(const KernelTable& kernels, const Case& what, unsigned seed) {
  INFO("on ", std::string(kernels.name));
  CHECK(winograd_serves(what.spec));
  const Problem problem(what, seed);
  const auto convolution = make(kernels, problem, problem.bias.data());
  set_num_threads(1);
  const Tensor out = problem.run(*convolution);
  check_against_definition(problem, out);
  for (const int threads : {2, 3, 8}) {
    set_num_threads(threads);
    CHECK(same_bits(problem.run(*convolution), out));
  }
  if (what.n > 1) check_batch(problem, *convolution, out);
}

TEST_CASE("all kinds of layers, small and odd sizes") {
  const std::vector<Case> cases = {
      // factors kept
      {plain(1, 1, 1), 1, 1, 1},
      {plain(16, 16, 1), 1, 2, 3},
      {plain(21, 35, 1), 2, 9, 14},
      {plain(64, 64, 1), 1, 31, 37},
      {plain(40, 33, 0), 1, 11, 3},
      {plain(12, 48, 2), 2, 5, 8},
      {strided(3, 64, 7), 1, 18, 21},
      {strided(12, 64, 7), 2, 16, 33},
      {strided(5, 20, 5), 2, 1, 1},
      {strided(37, 48, 3), 2, 8, 11},
      {strided(16, 33, 3), 1, 25, 14},
      {strided(33, 32, 5), 1, 15, 22},
      {transposed(1, 1), 1, 1, 1},
      {transposed(50, 18), 2, 7, 10},
      {transposed(32, 16), 1, 13, 8},
      // factors made in every run
      {plain(300, 250, 1), 1, 1, 1},
      {plain(300, 250, 1), 2, 5, 7},
      {plain(310, 256, 1), 1, 33, 30},
      {strided(128, 130, 5), 2, 9, 12},
      {strided(100, 192, 7), 1, 23, 19},
      {strided(260, 258, 3), 1, 14, 17},
      {strided(130, 320, 3), 2, 40, 37},
      {transposed(300, 128), 1, 1, 1},
      {transposed(258, 136), 2, 3, 5},
      {transposed(258, 128), 1, 21, 26},
  };
  for (const KernelTable* kernels : winograd_tables()) {
    unsigned seed = 1;
    for (const Case& what : cases) check_case(*kernels, what, seed++);
  }
}

TEST_CASE("wide enough for several bands of shared tiles") {
  for (const KernelTable* kernels : winograd_tables()) {
    check_case(*kernels, {plain(513, 64, 1), 2, 41, 150}, 77);
  }
}

/// All instruction sets that offer it have FMA.
TEST_CASE("bits are the same on all instruction sets") {
  for (const Case& what : {Case{plain(300, 70, 1), 1, 17, 20}, Case{strided(24, 64, 5), 1, 30, 22},
                           Case{transposed(50, 32), 1, 9, 9}, Case{strided(12, 32, 7), 1, 31, 18}}) {
    const Problem problem(what, 3);
    std::optional<Tensor> first;
    for (const KernelTable* kernels : winograd_tables()) {
      Tensor out = problem.run(*make(*kernels, problem, problem.bias.data()));
      if (first) CHECK(same_bits(*first, out));
      first.emplace(std::move(out));
    }
  }
}

TEST_CASE("no bias, no activation") {
  ConvolutionSpec spec = plain(20, 24, 1);
  spec.leaky_slope.reset();
  Problem problem({spec, 1, 6, 7}, 5);
  std::fill(problem.bias.begin(), problem.bias.end(), 0.0f);
  for (const KernelTable* kernels : winograd_tables()) {
    check_against_definition(problem, problem.run(*make(*kernels, problem, nullptr)));
  }
}

/// All that instruction sets without Winograd's have.
TEST_CASE("the direct algorithm on such layers") {
  for (const Case& what : {Case{plain(21, 35, 1), 2, 9, 14}, Case{strided(3, 64, 7), 1, 18, 21},
                           Case{strided(33, 32, 5), 2, 15, 22}, Case{strided(260, 40, 3), 1, 14, 17},
                           Case{transposed(50, 18), 2, 7, 10}}) {
    const Problem problem(what, 9);
    for (const KernelTable* kernels : available_kernels()) {
      INFO("on ", std::string(kernels->name));
      const auto convolution =
          make_direct_convolution(*kernels, what.spec, problem.weight.data(), problem.bias.data());
      check_against_definition(problem, problem.run(*convolution));
    }
  }
}

TEST_CASE("what is served") {
  ConvolutionSpec spec = plain(16, 16, 1);
  spec.sh = 2;
  CHECK(!winograd_serves(spec));
  spec.sh = spec.sw = 3;
  CHECK(!winograd_serves(spec));
  spec = transposed(16, 16);
  spec.ph = spec.pw = 0;
  CHECK(!winograd_serves(spec));
  CHECK(!winograd_pays(scalar_kernels, plain(256, 256, 1)));
}

}  // namespace
