// SPDX-License-Identifier: Apache-2.0
// Argument checks that the operators share. Each throws Error with the operator's name.
#pragma once

#include <flownet2/array_view.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace flownet2 {

/// "(1, 2, 64, 96)"
std::string to_string(const Shape& shape);
std::string to_string(const std::vector<std::int64_t>& shape);

[[noreturn]] void fail(const char* op, const std::string& message);

/// All axes at least 1, and the bytes of a float32 tensor of that shape countable.
void check_shape(const char* op, const char* name, const Shape& shape);

void check_out(const char* op, const Shape& expected, const MutableView& out);

void check_data(const char* op, const char* name, const float* data);

/// a * b, or Error if that is more than an address space holds; a, b >= 0.
std::int64_t checked_product(const char* op, std::int64_t a, std::int64_t b);

/// Zeros; Error with ErrorCode::out_of_memory, naming the size, where the memory is not to be had.
std::vector<float> working_memory(const char* op, std::int64_t count);

/// Rows that make up a task of a useful size, whatever the number of threads.
inline std::int64_t rows_per_task(std::int64_t work_per_row) {
  constexpr std::int64_t work_per_task = 1 << 15;
  return work_per_row < work_per_task ? work_per_task / work_per_row : 1;
}

}  // namespace flownet2
