// SPDX-License-Identifier: Apache-2.0
// Calls the pieces of docs/embedding.md and checks what they promise. Argument: a model file.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "snippets.hpp"

namespace {

constexpr int height = 70;
constexpr int width = 90;
using Bytes = std::vector<std::uint8_t>;

void expect(bool holds, const char* what) {
  std::printf("%-6s %s\n", holds ? "ok" : "FAILED", what);
  if (!holds) std::exit(1);
}

/// (H, W, 3) RGB, different in all three channels.
Bytes draw(int moved) {
  Bytes rgb;
  for (int y = 0; y < height; ++y) {
    for (int x = -moved; x < width - moved; ++x) {
      for (int c = 0; c < 3; ++c) {
        rgb.push_back(
            static_cast<std::uint8_t>(128 + 60 * std::sin(x / 7.0 + c) + 60 * std::cos(y / 9.0)));
      }
    }
  }
  return rgb;
}

flownet2::ImageView view(const Bytes& rgb) { return flownet2::interleaved(rgb.data(), height, width); }

/// Another layout of the same picture.
Bytes as_bgra(const Bytes& rgb, std::size_t row_stride) {
  Bytes result(row_stride * height, 77);
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    result[i / (3 * width) * row_stride + i / 3 % width * 4 + (2 - i % 3)] = rgb[i];
  }
  return result;
}

Bytes upside_down(const Bytes& rgb) {
  Bytes result;
  for (int y = height - 1; y >= 0; --y) {
    result.insert(result.end(), rgb.begin() + y * width * 3, rgb.begin() + (y + 1) * width * 3);
  }
  return result;
}

/// Of this process, on Linux.
std::ptrdiff_t threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  flownet2::ModelOptions options;
  options.threads = 1;
  const flownet2::Model single(argv[1], options);
  const Bytes first = draw(0), second = draw(3);
  const flownet2::ImagePair pair = {view(first), view(second)};
  const flownet2::Flow alone = single.flow(pair.image1, pair.image2);
  expect(threads() == 1, "a model with one thread starts none");
  const flownet2::Model model(argv[1]);
  const flownet2::Flow flow = model.flow(pair.image1, pair.image2);
  expect(alone.data == flow.data, "one thread gives the bits of many");

  expect(computes_rightly(model), "the model computes what its file expects");

  const std::size_t stride = 4 * width + 12;
  const Bytes bgra1 = as_bgra(first, stride), bgra2 = as_bgra(second, stride);
  const auto gap = static_cast<std::ptrdiff_t>(stride);
  expect(
      model.flow(bgra(bgra1.data(), height, width, gap), bgra(bgra2.data(), height, width, gap)).data ==
          flow.data,
      "BGRA with gaps gives the same bits");
  const Bytes up1 = upside_down(first), up2 = upside_down(second);
  expect(model.flow(bottom_up(up1.data(), height, width), bottom_up(up2.data(), height, width)).data ==
             flow.data,
         "bottom-up rows give the same bits");

  one_buffer(model, {pair.image1, pair.image2, pair.image1});
  std::vector<std::vector<float>> flows(2, std::vector<float>(flow.data.size()));
  in_one_run(model, {pair, {pair.image2, pair.image1}}, flows);
  expect(flows[0] == flow.data, "a batch gives the same bits");
  flownet2::Flow left, right;
  two_cameras(model, pair, {pair.image2, pair.image1}, left, right);
  expect(left.data == flow.data && right.data == flows[1], "two threads on one model get the same bits");

  std::atomic<bool> stop{true};
  // Large enough to take longer than the 20 ms between two questions.
  const Bytes large(1000 * 1000);
  const auto grey = flownet2::grey(large.data(), 1000, 1000);
  expect(!unless_stopped(model, {grey, grey}, stop, left), "a call is cancelled");
  stop = false;
  expect(unless_stopped(model, pair, stop, left) && left.data == flow.data, "and the model still works");

  const pid_t child = fork();
  if (child == 0) _exit(model.flow(pair.image1, pair.image2).data == flow.data ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  expect(status == 0, "a child of fork() computes with its parent's model");
  return 0;
}
