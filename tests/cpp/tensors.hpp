// SPDX-License-Identifier: Apache-2.0
// What tests of operators share: tensors with values, results as values, messages of errors.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/error.hpp>

#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace flownet2::testing {

using Values = std::vector<float>;

inline std::size_t count_of(const Shape& shape) {
  return static_cast<std::size_t>(shape.n * shape.c * shape.h * shape.w);
}

struct Tensor {
  Shape shape;
  Values values;

  Tensor(const Shape& shape_, Values values_) : shape(shape_), values(std::move(values_)) {
    REQUIRE(values.size() == count_of(shape));
  }

  operator ConstView() const { return {values.data(), shape}; }
};

inline Tensor random_tensor(const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Values values(count_of(shape));
  for (float& value : values) value = uniform(random);
  return {shape, std::move(values)};
}

/// What compute(view) writes; NaN where it writes nothing.
template <typename Compute>
Values computed(const Shape& shape, const Compute& compute) {
  Values values(count_of(shape), std::nanf(""));
  compute(MutableView(values.data(), shape));
  return values;
}

/// The message of the Error that call() throws; "" if it throws none.
template <typename Call>
std::string refusal(const Call& call, ErrorCode code = ErrorCode::invalid_argument) {
  try {
    call();
  } catch (const Error& error) {
    CHECK(error.code() == code);
    return error.what();
  }
  return "";
}

inline constexpr ConstView empty;

}  // namespace flownet2::testing
