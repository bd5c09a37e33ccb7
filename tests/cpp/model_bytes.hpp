// SPDX-License-Identifier: Apache-2.0
// Model files for tests: their bytes, and files of them.
#pragma once

#include <flownet2/error.hpp>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace model_bytes {

/// A file of that header and data.
inline std::string file_of(const std::string& header, const std::string& data = "") {
  std::string bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes += static_cast<char>(static_cast<unsigned char>(header.size() >> 8 * i & 0xFF));
  }
  return bytes + header + data;
}

inline std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

template <typename Number>
std::string raw(const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

/// A convolution of two pictures: weight "w" (2, 6, 1, 1), bias "b" (2).
inline const char* const graph =
    R"({"schema":1,"name":"tiny","size_multiple":4,)"
    R"("inputs":[{"name":"image1","channels":3},{"name":"image2","channels":3}],)"
    R"("parameters":{"w":[2,6,1,1],"b":[2]},)"
    R"("nodes":[{"name":"pair","op":"concat","inputs":["image1","image2"],"attributes":{}},)"
    R"({"name":"conv","op":"conv2d","inputs":["pair"],"attributes":{},)"
    R"("parameters":{"weight":"w","bias":"b"}}],"outputs":{"flow":"conv"}})";

inline const char* const preprocess = R"({"channel_order":"rgb","mean":[0.5,0.25,-1]})";

struct Tiny {
  std::string graph = model_bytes::graph;
  std::string preprocess = model_bytes::preprocess;
  std::string version = "1";
  std::string more_metadata;  // ,"key":"value"
  std::string tensors = R"(,"w":{"dtype":"F32","shape":[2,6,1,1],"data_offsets":[0,48]})"
                        R"(,"b":{"dtype":"BF16","shape":[2],"data_offsets":[48,52]})";
  std::string data = raw(std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5f}) +
                     raw(std::vector<std::uint16_t>{0x3F80, 0xC000});

  std::string bytes() const {
    std::string header = R"({"__metadata__":{"format":"flownet2","format_version":)" + quoted(version) +
                         R"(,"graph":)" + quoted(graph) + R"(,"preprocess":)" + quoted(preprocess) +
                         more_metadata + "}" + tensors + "}";
    while (header.size() % 8 != 0) header += ' ';
    return file_of(header, data);
  }
};

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A folder that goes away with this.
class Folder {
 public:
  Folder() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() / ("flownet2-test-" + std::to_string(random()));
    std::filesystem::create_directory(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Refusal {
  flownet2::ErrorCode code;
  std::string text;

  bool says(const std::string& part) const { return text.find(part) != std::string::npos; }
};

/// The Error that `action` throws, or nothing.
template <typename Action>
std::optional<Refusal> refusal(const Action& action) {
  try {
    action();
  } catch (const flownet2::Error& error) {
    return Refusal{error.code(), error.what()};
  }
  return std::nullopt;
}

}  // namespace model_bytes
