// SPDX-License-Identifier: Apache-2.0
// Small model files in memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

/// A JSON text as a string inside another.
inline std::string json_string(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "\"";
}

/// A network that hands through what it makes of the first picture's channels `a` and `b`.
inline std::string pick_graph(std::int64_t size_multiple) {
  return R"({"schema": 1, "name": "pick", "size_multiple": )" + std::to_string(size_multiple) +
         R"(, "inputs": [{"name": "image1", "channels": 3}, {"name": "image2", "channels": 3}],
 "parameters": {"w": [2, 3, 1, 1]},
 "nodes": [{"name": "picked", "op": "conv2d", "inputs": ["image1"], "attributes": {}, "parameters": {"weight": "w"}}],
 "outputs": {"flow": "picked"}})";
}

/// The bytes of a model file with one float32 parameter "w" (2, 3, 1, 1) and facts of its licence.
inline std::vector<unsigned char> model_bytes(const std::string& graph, const std::string& preprocess,
                                              const std::vector<float>& weights) {
  std::string header =
      R"({"__metadata__":{"format":"flownet2","format_version":"1","license":"CC0","graph":)" +
      json_string(graph) + R"(,"preprocess":)" + json_string(preprocess) +
      R"(},"w":{"dtype":"F32","shape":[2,3,1,1],"data_offsets":[0,24]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::vector<unsigned char> bytes(8 + header.size() + weights.size() * sizeof(float));
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);  // tests run on little-endian machines
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  std::memcpy(bytes.data() + 8 + header.size(), weights.data(), weights.size() * sizeof(float));
  return bytes;
}
