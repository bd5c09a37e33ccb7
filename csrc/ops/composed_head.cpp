// SPDX-License-Identifier: Apache-2.0
#include "ops/composed_head.hpp"

#include <array>
#include <cstddef>

#include "cpu/threads.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t side = 3;      // of both kernels
constexpr std::int64_t composed = 5;  // of the result
constexpr std::int64_t taps = side * side;

bool is_plain_3x3(const ConvolutionSpec& spec) {
  return !spec.transposed && spec.kh == side && spec.kw == side && spec.sh == 1 && spec.sw == 1 &&
         spec.ph == 1 && spec.pw == 1;
}

/// products[j][i] = sum over the channels between of head tap j times inner tap i.
using Products = std::array<std::array<double, taps>, taps>;

Products products_of(const ConvolutionParameters& inner, const ConvolutionParameters& head,
                     std::int64_t o, std::int64_t c) {
  Products products = {};
  for (std::int64_t m = 0; m < inner.spec.co; ++m) {
    const float* first = inner.weight + (m * inner.spec.ci + c) * taps;
    const float* second = head.weight + (o * inner.spec.co + m) * taps;
    for (std::size_t j = 0; j < taps; ++j) {
      const double factor = static_cast<double>(second[j]);
      for (std::size_t i = 0; i < taps; ++i) products[j][i] += factor * static_cast<double>(first[i]);
    }
  }
  return products;
}

/// The head's taps [first, last) of an axis that read a value, not padding, in the top (left), inner and
/// bottom (right) third.
struct Kept {
  std::size_t first, last;
};

constexpr std::array<Kept, 3> kept = {{{1, 3}, {0, 3}, {0, 2}}};

template <typename Work>
void for_kept(std::size_t set, const Work& work) {
  const Kept rows = kept[set / 3];
  const Kept columns = kept[set % 3];
  for (std::size_t y = rows.first; y < rows.last; ++y) {
    for (std::size_t x = columns.first; x < columns.last; ++x) work(y, x);
  }
}

/// The 5x5 kernel of a set, of one input and output channel.
void write_kernel(const Products& products, std::size_t set, float* to) {
  std::array<double, composed * composed> sums = {};
  for_kept(set, [&](std::size_t y, std::size_t x) {
    for (std::size_t i = 0; i < taps; ++i) {
      sums[(y + i / side) * composed + x + i % side] += products[y * side + x][i];
    }
  });
  for (const double sum : sums) *to++ = static_cast<float>(sum);
}

float composed_bias(const ConvolutionParameters& inner, const ConvolutionParameters& head,
                    std::int64_t o, std::size_t set) {
  double sum = head.bias == nullptr ? 0.0 : static_cast<double>(head.bias[o]);
  if (inner.bias == nullptr) return static_cast<float>(sum);
  for (std::int64_t m = 0; m < inner.spec.co; ++m) {
    const float* weight = head.weight + (o * inner.spec.co + m) * taps;
    for_kept(set, [&](std::size_t y, std::size_t x) {
      sum += static_cast<double>(weight[y * side + x]) * static_cast<double>(inner.bias[m]);
    });
  }
  return static_cast<float>(sum);
}

}  // namespace

bool can_compose(const ConvolutionSpec& inner, const ConvolutionSpec& head) {
  const std::int64_t two = inner.co * taps * (inner.ci + head.co);
  return is_plain_3x3(inner) && is_plain_3x3(head) && !inner.leaky_slope && is_flow_head(head) &&
         inner.ci * head.co * composed * composed < two;
}

ConvolutionSpec composed_spec(const ConvolutionSpec& inner, const ConvolutionSpec& head) {
  ConvolutionSpec spec = head;
  spec.ci = inner.ci;
  spec.kh = spec.kw = composed;
  spec.ph = spec.pw = composed / 2;
  return spec;
}

std::vector<HeadWeights> compose(const ConvolutionParameters& inner, const ConvolutionParameters& head) {
  constexpr std::size_t sets = 9;
  const ConvolutionSpec spec = composed_spec(inner.spec, head.spec);
  const std::int64_t kernel = composed * composed;
  const std::int64_t size = spec.co * spec.ci * kernel;
  const AlignedFloats weights = aligned_floats("convolution", static_cast<std::int64_t>(sets) * size);
  parallel_for(spec.ci, [&](std::int64_t c) {
    for (std::int64_t o = 0; o < spec.co; ++o) {
      const Products products = products_of(inner, head, o, c);
      float* to = weights.get() + (o * spec.ci + c) * kernel;
      for (std::size_t set = 0; set < sets; ++set, to += size) write_kernel(products, set, to);
    }
  });
  std::vector<HeadWeights> result;
  for (std::size_t set = 0; set < sets; ++set) {
    std::array<float, most_head_outputs> bias = {};
    for (std::int64_t o = 0; o < spec.co; ++o) {
      bias[static_cast<std::size_t>(o)] = composed_bias(inner, head, o, set);
    }
    result.push_back(
        pack_head(spec, weights.get() + static_cast<std::int64_t>(set) * size, bias.data()));
  }
  return result;
}

}  // namespace flownet2
