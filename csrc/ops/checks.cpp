// SPDX-License-Identifier: Apache-2.0
#include "ops/checks.hpp"

#include <flownet2/error.hpp>

#include <cstddef>
#include <limits>
#include <new>
#include <stdexcept>

namespace flownet2 {

std::string to_string(const Shape& shape) {
  return to_string(std::vector<std::int64_t>{shape.n, shape.c, shape.h, shape.w});
}

std::string to_string(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "(" + text + ")";
}

void fail(const char* op, const std::string& message) {
  throw Error(ErrorCode::invalid_argument, std::string(op) + ": " + message);
}

std::int64_t checked_product(const char* op, std::int64_t a, std::int64_t b) {
  constexpr std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / 8;
  if (b != 0 && a > most / b) {
    throw Error(ErrorCode::too_large,
                std::string(op) + ": the result would not fit into the address space");
  }
  return a * b;
}

void check_shape(const char* op, const char* name, const Shape& shape) {
  if (shape.n < 1 || shape.c < 1 || shape.h < 1 || shape.w < 1) {
    fail(op, std::string(name) + " must be (N, C, H, W) with no empty axis, got " + to_string(shape));
  }
  checked_product(op, checked_product(op, checked_product(op, shape.n, shape.c), shape.h), shape.w);
}

void check_out(const char* op, const Shape& expected, const MutableView& out) {
  if (out.shape != expected)
    fail(op, "out must be " + to_string(expected) + ", got " + to_string(out.shape));
  check_data(op, "out", out.data);
}

void check_data(const char* op, const char* name, const float* data) {
  if (data == nullptr) fail(op, std::string(name) + " has no data");
}

std::vector<float> working_memory(const char* op, std::int64_t count) {
  try {
    return std::vector<float>(static_cast<std::size_t>(count));
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  const std::string bytes = std::to_string(static_cast<std::uint64_t>(count) * sizeof(float));
  throw Error(ErrorCode::out_of_memory,
              std::string(op) + ": no memory for " + bytes + " bytes of working space");
}

}  // namespace flownet2
