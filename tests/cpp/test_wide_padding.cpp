// SPDX-License-Identifier: Apache-2.0
// Convolutions with more padding than kernel: parts of the result read nothing of the picture.
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "engine/network.hpp"

namespace {

using namespace flownet2;

constexpr std::int64_t width = 4;
constexpr float bias = 0.5f;

/// A 1x1 convolution, the weight 2, of one row of ones to `channels` channels: the first channel's row.
std::vector<float> convolved(std::int64_t channels, const std::string& stride,
                             const std::string& padding, std::int64_t columns) {
  const std::string co = std::to_string(channels);
  const std::string graph =
      R"({"schema":1,"name":"g","size_multiple":1,"inputs":[{"name":"x","channels":1}],)"
      R"("parameters":{"w":[)" +
      co + R"(,1,1,1],"b":[)" + co +
      R"(]},"nodes":[)"
      R"({"name":"y","op":"conv2d","inputs":["x"],"parameters":{"weight":"w","bias":"b"},)"
      R"("attributes":{"stride":[1,)" +
      stride + R"(],"padding":[0,)" + padding + R"(]}}],"outputs":{"flow":"y"}})";
  const auto count = static_cast<std::size_t>(channels);
  const std::vector<float> weights(count, 2.0f);
  const std::vector<float> biases(count, bias);
  const auto parameters = [&](const std::string& name) -> Parameter {
    if (name == "w") return {{channels, 1, 1, 1}, weights.data(), nullptr};
    return {{channels}, biases.data(), nullptr};
  };
  const Network network(parse_graph(graph), parameters);
  const std::vector<float> x(width, 1.0f);
  std::vector<float> y(count * static_cast<std::size_t>(columns));
  network.run({{"x", ConstView(x.data(), {1, 1, 1, width})}},
              {{"flow", MutableView(y.data(), {1, channels, 1, columns})}});
  y.resize(static_cast<std::size_t>(columns));
  return y;
}

}  // namespace

TEST_CASE("padding wider than what is computed at once leaves the bias") {
  constexpr std::int64_t padding = 1200;
  std::vector<float> expected(2 * padding + width, bias);
  for (std::int64_t x = 0; x < width; ++x) expected[static_cast<std::size_t>(padding + x)] = 2.0f + bias;
  for (const std::int64_t channels : {2, 4, 20}) {
    CHECK(convolved(channels, "1", "1200", 2 * padding + width) == expected);
  }
}

TEST_CASE("a stride wider than the picture leaves one column, which reads the padding") {
  for (const std::int64_t channels : {2, 4, 20}) {
    CHECK(convolved(channels, "65536", "2", 1) == std::vector<float>{bias});
    CHECK(convolved(channels, "65536", "0", 1) == std::vector<float>{2.0f + bias});
  }
}
