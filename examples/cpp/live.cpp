// SPDX-License-Identifier: Apache-2.0
// Flow of a sequence, as a program with a camera computes it: one model, one buffer for the flow, two
// for the pictures, and another thread that ends it.
#include <flownet2/flownet2.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "picture.hpp"
#include "scene.hpp"

namespace {

const char* const help =
    "usage: live MODEL [IMAGE ...] [options]\n"
    "\n"
    "Computes flow from each picture to the next and prints the milliseconds of every pair. Without\n"
    "pictures it draws a scene that moves by 3, 1 pixels a frame.\n"
    "\n"
    "  --size WxH    size of the drawn scene (default: 512x384)\n"
    "  --frames N    frames of the drawn scene (default: 20)\n"
    "  --seconds N   stop after that time, in the midst of a frame; so does the key Enter\n"
    "  --bfloat16    half the memory, faster where the processor has instructions for it\n"
    "  --threads N   threads to compute with (default: the CPUs that this process may use)\n"
    "  --isa NAME    instruction set: scalar, avx2, avx512, avx512_bf16, amx (default: the best one)\n"
    "\n"
    "examples:\n"
    "  live flownet2-lite.safetensors --size 640x480 --frames 100 --seconds 10\n"
    "  live flownet2-lite.safetensors frame*.ppm\n";

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Another thread: asks for an end when the time is over or somebody presses Enter.
class Watch {
 public:
  explicit Watch(int seconds) : thread_([this, seconds] { look(seconds); }) {}
  ~Watch() {
    finished_ = true;
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool stop() const { return stop_; }

 private:
  void look(int seconds) {
    const Clock::time_point start = Clock::now();
    const bool keyboard = isatty(STDIN_FILENO) != 0;
    while (!finished_ && !stop_) {
      pollfd key = {STDIN_FILENO, POLLIN, 0};
      const bool pressed = poll(&key, keyboard ? 1 : 0, 20) > 0;
      if (pressed || (seconds > 0 && seconds_since(start) > seconds)) stop_ = true;
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<bool> finished_{false};
  std::thread thread_;  // last: it uses the others
};

/// Where frames come from.
class Source {
 public:
  virtual ~Source() = default;
  virtual int frames() const = 0;
  /// Frame `number`; valid until the frame after the next.
  virtual flownet2::ImageView frame(int number) = 0;
};

class Files : public Source {
 public:
  explicit Files(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  int frames() const override { return static_cast<int>(paths_.size()); }
  flownet2::ImageView frame(int number) override {
    std::swap(previous_, current_);
    current_ = example::read_picture(paths_[static_cast<std::size_t>(number)]);
    return current_.view;
  }

 private:
  std::vector<std::string> paths_;
  example::Picture previous_, current_;
};

class Scene : public Source {
 public:
  Scene(flownet2::ImageSize size, int frames) : size_(size), frames_(frames) {
    for (auto& rgb : rgb_) rgb.resize(static_cast<std::size_t>(size.height * size.width * 3));
  }
  int frames() const override { return frames_; }
  flownet2::ImageView frame(int number) override {
    std::vector<std::uint8_t>& rgb = rgb_[number % 2];
    example::draw_scene(rgb, size_.height, size_.width, number);
    return flownet2::interleaved(rgb.data(), size_.height, size_.width);
  }

 private:
  flownet2::ImageSize size_;
  int frames_;
  std::vector<std::uint8_t> rgb_[2];
};

std::unique_ptr<Source> open_source(const example::Arguments& arguments) {
  std::vector<std::string> pictures(arguments.files.begin() + 1, arguments.files.end());
  if (pictures.size() == 1)
    throw std::runtime_error("two pictures at least, or none for the drawn scene");
  if (!pictures.empty()) return std::make_unique<Files>(std::move(pictures));
  const std::string size = arguments.text("--size", "512x384");
  const std::size_t cross = size.find('x');
  if (cross == std::string::npos)
    throw std::runtime_error("--size: WIDTHxHEIGHT is expected, such as 512x384");
  const int width = example::Arguments::parse("--size", size.substr(0, cross));
  const int height = example::Arguments::parse("--size", size.substr(cross + 1));
  return std::make_unique<Scene>(flownet2::ImageSize{height, width}, arguments.number("--frames", 20));
}

/// The flow of one pair after the other goes here.
struct Canvas {
  std::vector<float> data;
  flownet2::FlowView view;

  explicit Canvas(flownet2::ImageSize size)
      : data(static_cast<std::size_t>(size.height * size.width * 2)),
        view{data.data(), size.height, size.width, 0} {}

  std::pair<double, double> mean() const {
    double sum[2] = {0, 0};
    for (std::size_t i = 0; i < data.size(); ++i) sum[i % 2] += data[i];
    const auto pixels = static_cast<double>(data.size()) / 2;
    return {sum[0] / pixels, sum[1] / pixels};
  }
};

int run(const example::Arguments& arguments) {
  if (arguments.files.empty()) throw std::runtime_error("a model file is expected; --help explains");
  const std::unique_ptr<Source> source = open_source(arguments);
  const flownet2::Model model(arguments.files[0], arguments.model_options());

  const Watch watch(arguments.number("--seconds", 0));
  flownet2::FlowOptions options;
  options.stop = [&watch] { return watch.stop(); };

  flownet2::ImageView previous = source->frame(0);
  const flownet2::ImageSize size = {previous.height, previous.width};
  Canvas canvas(model.flow_size(size));
  std::printf("%lldx%lld, working memory %.1f MiB, kept from pair to pair\n",
              static_cast<long long>(size.width), static_cast<long long>(size.height),
              static_cast<double>(model.working_memory(size)) / 1048576);
  double computing = 0;
  for (int number = 1; number < source->frames(); ++number) {
    const flownet2::ImageView current = source->frame(number);
    const Clock::time_point start = Clock::now();
    try {
      model.flow(previous, current, canvas.view, options);
    } catch (const flownet2::Error& error) {
      if (error.code() != flownet2::ErrorCode::cancelled) throw;
      std::printf("stopped in the midst of frame %d\n", number);
      return 0;
    }
    const double seconds = seconds_since(start);
    computing += seconds;
    const auto [u, v] = canvas.mean();
    std::printf("frame %d: %.1f ms, %.1f fps, mean flow %.2f, %.2f px\n", number, seconds * 1e3,
                number / computing, u, v);
    previous = current;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1 || example::asks_for_help(argc, argv)) {
    std::fputs(help, argc == 1 ? stderr : stdout);
    return argc == 1 ? 1 : 0;
  }
  return example::guarded([&] {
    return run(example::Arguments(argc, argv, {"--size", "--frames", "--seconds", "--threads", "--isa"},
                                  {"--bfloat16"}));
  });
}
