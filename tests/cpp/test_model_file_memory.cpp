// SPDX-License-Identifier: Apache-2.0
// Hostile headers are refused without taking more than a few times their size. Every `new` is counted
// here.
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <new>
#include <string>

#include "engine/json.hpp"
#include "model/model_file.hpp"
#include "model_bytes.hpp"

namespace {

constexpr std::size_t before = alignof(std::max_align_t);  // the size of a block stands before it

std::size_t taken = 0;
std::size_t most_taken = 0;

}  // namespace

void* operator new(std::size_t bytes) {
  void* block = std::malloc(bytes + before);
  if (block == nullptr) throw std::bad_alloc();
  *static_cast<std::size_t*>(block) = bytes;
  taken += bytes;
  if (taken > most_taken) most_taken = taken;
  return static_cast<char*>(block) + before;
}

void operator delete(void* data) noexcept {
  if (data == nullptr) return;
  void* block = static_cast<char*>(data) - before;
  taken -= *static_cast<std::size_t*>(block);
  std::free(block);
}

void operator delete(void* data, std::size_t) noexcept { operator delete(data); }

namespace {

using namespace flownet2;

constexpr std::size_t size = 8'000'000;

std::string filled(std::string text, const std::string& piece) {
  while (text.size() < size) text += piece;
  return text;
}

/// Bytes taken at once by a refusal of the file, beside the file itself.
std::size_t taken_by(const std::string& bytes) {
  const std::size_t at_first = taken;
  most_taken = taken;
  const auto found = model_bytes::refusal([&] { ModelFile::view(bytes.data(), bytes.size()); });
  REQUIRE(found.has_value());
  CHECK(found->code == ErrorCode::bad_model_file);
  CHECK(found->text.size() < 4000);
  return most_taken - at_first;
}

}  // namespace

TEST_CASE("what is no header takes next to nothing") {
  for (const char* piece : {"[", "{", "[0,", "{\"a\":", "\"", "0", " ", "\xFF"}) {
    CHECK(taken_by(model_bytes::file_of(filled("", piece))) < 10'000);
    CHECK(taken_by(model_bytes::file_of(filled("{\"a\":", piece))) < 10'000);
    CHECK(taken_by(model_bytes::file_of(filled("{\"a\":{\"shape\":[0", std::string(",") + piece))) <
          10'000);
  }
  CHECK(taken_by(model_bytes::file_of(filled("{\"a\":{\"shape\":[0", ",0"))) < 10'000);
}

TEST_CASE("long names, long texts and many of them take a few times the header") {
  CHECK(taken_by(model_bytes::file_of(filled("{\"", "x"))) < 3 * size);
  CHECK(taken_by(model_bytes::file_of(filled("{\"__metadata__\":{\"graph\":\"", "\\\\"))) < 3 * size);
  std::string texts = "{\"__metadata__\":{";
  for (int i = 0; texts.size() < size; ++i) texts += "\"" + std::to_string(i) + "\":\"\",";
  CHECK(taken_by(model_bytes::file_of(texts)) < 2 * size);
  std::string tensors = "{";
  for (int i = 0; tensors.size() < size; ++i) {
    tensors += (i == 0 ? "\"" : ",\"") + std::to_string(i) +
               "\":{\"dtype\":\"U8\",\"shape\":[0,0],\"data_offsets\":[0,0]}";
  }
  CHECK(taken_by(model_bytes::file_of(tensors + "}")) < 4 * size);
}

TEST_CASE("graph texts of many values are refused before these take too much") {
  for (const char* piece : {"0,", "[],", "[0],", "{\"\":0},", "\"\","}) {
    model_bytes::Tiny tiny;
    tiny.graph = filled("[", piece);
    CHECK(taken_by(tiny.bytes()) < 3 * size + 100 * json_max_values);
  }
}
