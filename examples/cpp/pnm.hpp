// SPDX-License-Identifier: Apache-2.0
// Binary PPM and PGM files (P6, P5) of 8 or 16 bits, in and out.
#pragma once

#include <flownet2/flownet2.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

/// A picture and whoever owns its pixels.
struct Picture {
  flownet2::ImageView view;
  std::shared_ptr<const void> pixels;
};

using Bytes = std::vector<std::uint8_t>;

/// A whole file: its size is known before memory is asked for.
inline Bytes read_file(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) {
    throw std::runtime_error(path + ": no such file, or not a regular one");
  }
  Bytes data(std::filesystem::file_size(path));
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size()))) {
    throw std::runtime_error(path + ": cannot be read");
  }
  return data;
}

inline bool is_pnm(const Bytes& data) {
  return data.size() > 2 && data[0] == 'P' && (data[1] == '5' || data[1] == '6');
}

/// The next number of a header; comments reach from # to the end of the line.
inline std::int64_t header_number(const Bytes& data, std::size_t& at, const std::string& path) {
  const auto space = [&] { return data[at] == ' ' || (data[at] >= '\t' && data[at] <= '\r'); };
  while (at < data.size() && (space() || data[at] == '#')) {
    if (data[at] == '#') {
      while (at < data.size() && data[at] != '\n') ++at;
    } else {
      ++at;
    }
  }
  std::int64_t number = -1;
  for (; at < data.size() && data[at] >= '0' && data[at] <= '9'; ++at) {
    number = (number < 0 ? 0 : number) * 10 + (data[at] - '0');
    if (number > std::numeric_limits<std::int32_t>::max()) break;
  }
  if (number < 1 || number > std::numeric_limits<std::int32_t>::max()) {
    throw std::runtime_error(path +
                             ": a PPM header holds width, height and maximum, from 1 to 2147483647");
  }
  return number;
}

inline Picture parse_pnm(const Bytes& data, const std::string& path) {
  std::size_t at = 2;
  const std::int64_t width = header_number(data, at, path);
  const std::int64_t height = header_number(data, at, path);
  const std::int64_t maximum = header_number(data, at, path);
  if (maximum != 255 && maximum != 65535) {
    throw std::runtime_error(path + ": values up to " + std::to_string(maximum) +
                             "; 255 or 65535 is expected");
  }
  ++at;  // one character ends the header
  const std::int64_t channels = data[1] == '6' ? 3 : 1;
  const std::int64_t pixel = channels * (maximum == 255 ? 1 : 2);
  // width * height fits, but not always times the bytes of a pixel.
  const auto there = static_cast<std::int64_t>(data.size()) - static_cast<std::int64_t>(at);
  if (there < 0 || there % pixel != 0 || there / pixel != width * height) {
    throw std::runtime_error(path + ": " + std::to_string(width) + "x" + std::to_string(height) +
                             " pixels of " + std::to_string(pixel) + " bytes are expected, " +
                             std::to_string(there < 0 ? 0 : there) + " bytes are there");
  }
  const std::uint8_t* first = data.data() + at;
  flownet2::ImageView view;
  std::shared_ptr<const void> owner;
  if (maximum == 255) {
    auto values = std::make_shared<std::vector<std::uint8_t>>(first, first + there);
    view = channels == 3 ? flownet2::interleaved(values->data(), height, width)
                         : flownet2::grey(values->data(), height, width);
    owner = values;
  } else {
    auto values = std::make_shared<std::vector<std::uint16_t>>(static_cast<std::size_t>(there / 2));
    for (std::size_t i = 0; i < values->size(); ++i) {  // the file's values are big-endian
      (*values)[i] = static_cast<std::uint16_t>(first[2 * i] << 8 | first[2 * i + 1]);
    }
    view = channels == 3 ? flownet2::interleaved(values->data(), height, width)
                         : flownet2::grey(values->data(), height, width);
    owner = values;
  }
  return {view, owner};
}

/// (H, W, 3) RGB as P6.
inline void write_ppm(const std::string& path, const Bytes& rgb, std::int64_t height,
                      std::int64_t width) {
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << width << " " << height << "\n255\n";
  file.write(reinterpret_cast<const char*>(rgb.data()), static_cast<std::streamsize>(rgb.size()));
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace example
