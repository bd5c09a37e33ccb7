// SPDX-License-Identifier: Apache-2.0
#include "model/values.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "ops/rounded.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t part = 1 << 16;  // numbers: bytes and floats stay in the cache

/// A number of the file, whatever the machine's order of bytes.
template <typename Bits>
Bits little_endian(const unsigned char* bytes) {
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i) {
    bits = static_cast<Bits>(bits | static_cast<Bits>(bytes[i]) << 8 * i);
  }
  return bits;
}

/// Whether float32 numbers in memory are the bytes of the file.
bool same_as_in_files(StoredType type) {
  const std::uint32_t one = 1;
  unsigned char first = 0;
  std::memcpy(&first, &one, 1);
  return type == StoredType::f32 && first == 1;
}

template <typename To, typename Bits>
To number_of(Bits bits) {
  static_assert(sizeof(To) == sizeof(Bits));
  To number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

float of_float16(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t exponent = half >> 10 & 0x1Fu;
  const std::uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {  // zero or subnormal: a multiple of 2^-24
    const float size = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -size : size;
  }
  const std::uint32_t widened = exponent == 0x1F ? 0xFFu : exponent + 127 - 15;
  return number_of<float>(sign | widened << 23 | fraction << 13);
}

float decoded(StoredType type, const unsigned char* bytes) {
  switch (type) {
    case StoredType::f64:
      return nearest_float(number_of<double>(little_endian<std::uint64_t>(bytes)));
    case StoredType::f16:
      return of_float16(little_endian<std::uint16_t>(bytes));
    case StoredType::bf16:
      return widened(bfloat16{little_endian<std::uint16_t>(bytes)});
    default:
      return number_of<float>(little_endian<std::uint32_t>(bytes));
  }
}

template <StoredType type>
void decode(const unsigned char* bytes, std::int64_t count, float* to) {
  const auto size = static_cast<std::size_t>(type_bytes(type));
  for (std::int64_t i = 0; i < count; ++i)
    to[i] = decoded(type, bytes + size * static_cast<std::size_t>(i));
}

using Decoder = void (*)(const unsigned char*, std::int64_t, float*);

Decoder decoder(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return decode<StoredType::f64>;
    case StoredType::f16:
      return decode<StoredType::f16>;
    case StoredType::bf16:
      return decode<StoredType::bf16>;
    default:
      return decode<StoredType::f32>;
  }
}

}  // namespace

bool read_floats(const Source& source, std::uint64_t offset, StoredType type, std::int64_t count,
                 float* to) {
  const std::int64_t size = type_bytes(type);
  const bool same = same_as_in_files(type);
  const Decoder decode = decoder(type);
  std::vector<unsigned char> bytes(same ? 0 : static_cast<std::size_t>(std::min(part, count) * size));
  bool finite = true;
  for (std::int64_t done = 0; done < count; done += part) {
    const std::int64_t now = std::min(part, count - done);
    const std::uint64_t from = offset + static_cast<std::uint64_t>(done * size);
    const auto needed = static_cast<std::size_t>(now * size);
    if (same) {
      source.read(from, to + done, needed);
    } else {
      source.read(from, bytes.data(), needed);
      decode(bytes.data(), now, to + done);
    }
    finite = all_finite(to + done, now) && finite;
  }
  return finite;
}

const float* floats_in_place(const Source& source, std::uint64_t offset, StoredType type) {
  const unsigned char* bytes = source.in_memory();
  if (bytes == nullptr || !same_as_in_files(type)) return nullptr;
  const unsigned char* numbers = bytes + offset;
  const bool aligned = reinterpret_cast<std::uintptr_t>(numbers) % alignof(float) == 0;
  return aligned ? reinterpret_cast<const float*>(numbers) : nullptr;
}

bool all_finite(const float* numbers, std::int64_t count) {
  std::uint32_t any = 0;  // not && of isfinite, which stops the compiler from taking many at once
  for (std::int64_t i = 0; i < count; ++i) any |= std::isfinite(numbers[i]) ? 0u : 1u;
  return any == 0;
}

}  // namespace flownet2
