// SPDX-License-Identifier: Apache-2.0
#include "model/probe.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <random>
#include <string>

#include "model/shown.hpp"
#include "model/values.hpp"

namespace flownet2 {
namespace {

constexpr const char* flow_name = "probe.flow";
constexpr const char* lost_name = "probe.bfloat16_px";
constexpr const char* seed_name = "probe.seed";

constexpr std::int64_t largest_side = 1024;
constexpr std::int64_t block = 8;
constexpr std::int64_t rows_down = 2;
constexpr std::int64_t columns_right = 3;

constexpr double full_precision_px = 1e-3;
constexpr double low_precision_px = 0.1;
// Times the mean difference that bfloat16 made where the file was written.
constexpr double as_float32 = 1.0 / 100;
constexpr double as_bfloat16 = 2.0;

const StoredTensor* find(const SafetensorsHeader& header, const char* name) {
  const auto found = header.tensors.find(name);
  const bool known = found != header.tensors.end() && found->second.type == StoredType::f32;
  return known ? &found->second : nullptr;
}

std::optional<std::uint32_t> seed_of(const SafetensorsHeader& header) {
  const auto found = header.metadata.find(seed_name);
  if (found == header.metadata.end()) return std::nullopt;
  const std::string& text = found->second;
  std::uint32_t seed = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seed);
  const bool whole = read.ec == std::errc{} && read.ptr == text.data() + text.size();
  return whole && text.size() <= 10 ? std::optional<std::uint32_t>(seed) : std::nullopt;
}

bool is_flow(const std::vector<std::int64_t>& shape) {
  return shape.size() == 3 && shape[2] == 2 && std::min(shape[0], shape[1]) >= 1 &&
         std::max(shape[0], shape[1]) <= largest_side;
}

void read(const SafetensorsHeader& header, const Source& source, const char* name,
          const StoredTensor& tensor, std::vector<float>& to) {
  to.resize(static_cast<std::size_t>((tensor.end - tensor.begin) / sizeof(float)));
  const std::uint64_t offset = header.data + tensor.begin;
  if (read_floats(source, offset, tensor.type, static_cast<std::int64_t>(to.size()), to.data())) return;
  bad_file(shown_name(name) + " holds NaN or infinite values", "get the file again");
}

}  // namespace

std::optional<Probe> read_probe(const SafetensorsHeader& header, const Source& source) {
  const StoredTensor* flow = find(header, flow_name);
  const StoredTensor* lost = find(header, lost_name);
  const std::optional<std::uint32_t> seed = seed_of(header);
  if (flow == nullptr || lost == nullptr || !seed) return std::nullopt;
  if (!is_flow(flow->shape) || lost->shape != std::vector<std::int64_t>{1}) return std::nullopt;
  Probe probe;
  probe.seed = *seed;
  probe.size = {flow->shape[0], flow->shape[1]};
  read(header, source, flow_name, *flow, probe.flow);
  std::vector<float> number;
  read(header, source, lost_name, *lost, number);
  probe.bfloat16_px = number.front();
  return probe;
}

ProbePictures probe_pictures(const Probe& probe) {
  const std::int64_t height = probe.size.height, width = probe.size.width;
  const std::int64_t columns = (width + block - 1) / block;
  const auto rows = static_cast<std::size_t>((height + block - 1) / block);
  // The generator behind numpy.random.RandomState; randint(0, 256) takes the last byte of each number.
  std::mt19937 random(probe.seed);
  std::vector<std::uint8_t> blocks(rows * static_cast<std::size_t>(3 * columns));
  for (std::uint8_t& value : blocks) value = static_cast<std::uint8_t>(random() & 255u);
  const auto count = static_cast<std::size_t>(3 * height * width);
  ProbePictures pictures = {std::vector<std::uint8_t>(count), std::vector<std::uint8_t>(count)};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::uint8_t* from =
          &blocks[static_cast<std::size_t>(3 * (y / block * columns + x / block))];
      const std::int64_t moved_y = (y + rows_down) % height;
      const std::int64_t moved_x = (x + columns_right) % width;
      std::copy_n(from, 3, &pictures.first[static_cast<std::size_t>(3 * (y * width + x))]);
      std::copy_n(from, 3, &pictures.second[static_cast<std::size_t>(3 * (moved_y * width + moved_x))]);
    }
  }
  return pictures;
}

SelfCheck compare(const Probe& probe, const float* flow, Precision precision) {
  SelfCheck result;
  result.stored = true;
  double sum = 0.0;
  for (std::size_t i = 0; i < probe.flow.size(); i += 2) {
    const double length =
        std::hypot(static_cast<double>(flow[i]) - static_cast<double>(probe.flow[i]),
                   static_cast<double>(flow[i + 1]) - static_cast<double>(probe.flow[i + 1]));
    result.largest = length > result.largest || std::isnan(length) ? length : result.largest;
    sum += length;
  }
  result.mean = sum / static_cast<double>(probe.flow.size() / 2);
  const double lost = static_cast<double>(probe.bfloat16_px);
  const bool full = precision == Precision::float32;
  result.allowed = full ? std::max(full_precision_px, as_float32 * lost)
                        : std::max(low_precision_px, as_bfloat16 * lost);
  result.passed = (full ? result.largest : result.mean) <= result.allowed;
  return result;
}

}  // namespace flownet2
