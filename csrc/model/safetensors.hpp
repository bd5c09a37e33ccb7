// SPDX-License-Identifier: Apache-2.0
// The header of a safetensors file: which tensors it has and where, checked against the file's size. A
// file is a 64-bit length, that many bytes of JSON (name -> {dtype, shape, data_offsets}, and texts
// under
// "__metadata__"), then the tensors' little-endian bytes without holes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/source.hpp"

namespace flownet2 {

enum class StoredType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// The type of a name in files, such as "F32".
std::optional<StoredType> find_type(std::string_view stored);

/// "float32", ...
const char* type_name(StoredType type);

std::int64_t type_bytes(StoredType type);

/// f64, f32, f16 or bf16.
bool is_float(StoredType type);

/// Bytes [begin, end) of the data.
struct StoredTensor {
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::uint64_t data = 0;  // where in the file the data begin
};

/// Takes a few times the header's bytes of memory, whatever it holds. Throws Error (bad_model_file, and
/// what reading throws) without the file's name.
SafetensorsHeader read_safetensors_header(const Source& source);

}  // namespace flownet2
