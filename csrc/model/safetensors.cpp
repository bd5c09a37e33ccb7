// SPDX-License-Identifier: Apache-2.0
#include "model/safetensors.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "model/header_text.hpp"
#include "model/shown.hpp"

namespace flownet2 {
namespace {

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t most_header_bytes = 100'000'000;

struct TypeRow {
  const char* stored;
  const char* name;
  std::int64_t bytes;
};

/// In the order of StoredType.
constexpr TypeRow type_rows[] = {
    {"F64", "float64", 8}, {"F32", "float32", 4}, {"F16", "float16", 2}, {"BF16", "bfloat16", 2},
    {"I64", "int64", 8},   {"I32", "int32", 4},   {"I16", "int16", 2},   {"I8", "int8", 1},
    {"U64", "uint64", 8},  {"U32", "uint32", 4},  {"U16", "uint16", 2},  {"U8", "uint8", 1},
    {"BOOL", "bool", 1},
};

const TypeRow& row(StoredType type) { return type_rows[static_cast<std::size_t>(type)]; }

std::uint64_t header_length(const Source& source) {
  const std::uint64_t size = source.size();
  if (size < length_bytes) {
    bad_header("the header's length needs " + std::to_string(length_bytes) + " bytes, the file has " +
               std::to_string(size));
  }
  unsigned char bytes[length_bytes];
  source.read(0, bytes, length_bytes);
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | bytes[i];
  if (length > most_header_bytes) {
    bad_header("the header is said to have " + std::to_string(length) + " bytes, more than " +
               std::to_string(most_header_bytes));
  }
  if (length > size - length_bytes) {
    bad_header("the header needs " + std::to_string(length) + " bytes, " +
               std::to_string(size - length_bytes) + " are left");
  }
  return length;
}

void check_gapless(const std::map<std::string, StoredTensor>& tensors, std::uint64_t size) {
  std::vector<const std::pair<const std::string, StoredTensor>*> by_place;
  by_place.reserve(tensors.size());
  for (const auto& item : tensors) by_place.push_back(&item);
  std::sort(by_place.begin(), by_place.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t position = 0;
  for (const auto* item : by_place) {
    if (item->second.begin != position) {
      bad_header("tensor " + shown_name(item->first) + " begins at byte " +
                 std::to_string(item->second.begin) + " of the data, not at " +
                 std::to_string(position));
    }
    position = item->second.end;
  }
  if (position != size) {
    bad_file(std::to_string(size - position) + " bytes belong to no tensor (byte " +
             std::to_string(position) + " of the data)");
  }
}

}  // namespace

const char* type_name(StoredType type) { return row(type).name; }

std::int64_t type_bytes(StoredType type) { return row(type).bytes; }

std::optional<StoredType> find_type(std::string_view stored) {
  for (std::size_t i = 0; i < std::size(type_rows); ++i) {
    if (stored == type_rows[i].stored) return static_cast<StoredType>(i);
  }
  return std::nullopt;
}

bool is_float(StoredType type) {
  return type == StoredType::f64 || type == StoredType::f32 || type == StoredType::f16 ||
         type == StoredType::bf16;
}

SafetensorsHeader read_safetensors_header(const Source& source) {
  const std::uint64_t length = header_length(source);
  std::string copy;
  std::string_view text;
  if (const unsigned char* bytes = source.in_memory()) {
    text = {reinterpret_cast<const char*>(bytes) + length_bytes, static_cast<std::size_t>(length)};
  } else {
    copy.resize(static_cast<std::size_t>(length));
    source.read(length_bytes, copy.data(), copy.size());
    text = copy;
  }
  const std::uint64_t data = length_bytes + length;
  SafetensorsHeader header = parse_header_text(text, source.size() - data);
  header.data = data;
  check_gapless(header.tensors, source.size() - data);
  return header;
}

}  // namespace flownet2
