// SPDX-License-Identifier: Apache-2.0
// Middlebury's flow files: the float 202021.25, width and height as 32-bit integers, then rows of u, v.
#pragma once

#include <flownet2/flownet2.hpp>

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>

namespace example {

/// The format is little-endian, as this program takes the machine to be.
inline void write_flo(const std::string& path, const flownet2::Flow& flow) {
  const float tag = 202021.25f;
  const std::int32_t size[] = {static_cast<std::int32_t>(flow.width),
                               static_cast<std::int32_t>(flow.height)};
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&tag), sizeof tag);
  file.write(reinterpret_cast<const char*>(size), sizeof size);
  file.write(reinterpret_cast<const char*>(flow.data.data()),
             static_cast<std::streamsize>(flow.data.size() * sizeof(float)));
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace example
