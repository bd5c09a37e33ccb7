// SPDX-License-Identifier: Apache-2.0
// Flow of two picture files: a .flo file, and a picture of it.
#include <flownet2/flownet2.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <unistd.h>

#include "arguments.hpp"
#include "color.hpp"
#include "flo.hpp"
#include "picture.hpp"

namespace {

const char* const help =
    "usage: flow MODEL IMAGE1 IMAGE2 [options]\n"
    "\n"
    "Computes how every pixel of IMAGE1 moved until IMAGE2. Writes PREFIX.flo (Middlebury's format) "
    "and\n"
    "PREFIX.ppm (hue: direction, saturation: speed). Pictures are binary PPM or PGM files of 8 or 16 "
    "bits;\n"
    "with OpenCV everything that it reads.\n"
    "\n"
    "  -o PREFIX     what the written files are called (default: flow)\n"
    "  --bfloat16    half the memory, faster where the processor has instructions for it\n"
    "  --threads N   threads to compute with (default: the CPUs that this process may use)\n"
    "  --isa NAME    instruction set: scalar, avx2, avx512, avx512_bf16, amx (default: the best one)\n"
    "\n"
    "Ctrl-C ends the computation at once.\n"
    "\n"
    "example:\n"
    "  flow flownet2-lite.safetensors frame1.ppm frame2.ppm -o flow --threads 2\n";

volatile std::sig_atomic_t interrupted = 0;

extern "C" void on_interrupt(int) { interrupted = 1; }

bool stop() { return interrupted != 0; }

/// A bar on stderr if somebody looks at it.
class ProgressBar {
 public:
  explicit ProgressBar(const char* what) : what_(what), shown_(isatty(STDERR_FILENO) != 0) {}
  ~ProgressBar() {
    if (drawn_ >= 0) std::fprintf(stderr, "\r\033[K");
  }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void operator()(double done) {
    const int filled = static_cast<int>(done * width);
    if (!shown_ || filled == drawn_) return;
    drawn_ = filled;
    const std::string bar(static_cast<std::size_t>(filled), '#');
    std::fprintf(stderr, "\r%-8s [%-*s] %3.0f %%", what_, width, bar.c_str(), done * 100);
  }

 private:
  static constexpr int width = 40;
  const char* what_;
  bool shown_;
  int drawn_ = -1;
};

flownet2::Model load(const std::string& path, flownet2::ModelOptions options) {
  ProgressBar bar("loading");
  options.stop = stop;
  options.progress = [&bar](double done) { bar(done); };
  return flownet2::Model(path, options);
}

flownet2::Flow compute(const flownet2::Model& model, const example::Picture& image1,
                       const example::Picture& image2) {
  ProgressBar bar("flow");
  flownet2::FlowOptions options;
  options.stop = stop;
  options.progress = [&bar](double done) { bar(done); };
  return model.flow(image1.view, image2.view, options);
}

void print_summary(const flownet2::Model& model, const flownet2::Flow& flow, double seconds) {
  double u = 0;
  double v = 0;
  for (std::size_t i = 0; i < flow.data.size(); i += 2) {
    u += flow.data[i];
    v += flow.data[i + 1];
  }
  const auto pixels = static_cast<double>(flow.height * flow.width);
  std::printf("%s on %s: %lldx%lld pixels, mean flow %.3f, %.3f px, %.3f s\n",
              model.info().network.c_str(), model.info().isa.c_str(), static_cast<long long>(flow.width),
              static_cast<long long>(flow.height), u / pixels, v / pixels, seconds);
}

int run(const example::Arguments& arguments) {
  if (arguments.files.size() != 3) {
    throw std::runtime_error("a model file and two pictures are expected; --help explains");
  }
  // Pictures first: a wrong name is told before the weights are read.
  const example::Picture image1 = example::read_picture(arguments.files[1]);
  const example::Picture image2 = example::read_picture(arguments.files[2]);
  std::signal(SIGINT, on_interrupt);
  const flownet2::Model model = load(arguments.files[0], arguments.model_options());
  const auto start = std::chrono::steady_clock::now();
  const flownet2::Flow flow = compute(model, image1, image2);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  const std::string prefix = arguments.text("-o", "flow");
  example::write_flo(prefix + ".flo", flow);
  example::write_ppm(prefix + ".ppm", example::flow_to_color(flow), flow.height, flow.width);
  print_summary(model, flow, seconds.count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1 || example::asks_for_help(argc, argv)) {
    std::fputs(help, argc == 1 ? stderr : stdout);
    return argc == 1 ? 1 : 0;
  }
  return example::guarded(
      [&] { return run(example::Arguments(argc, argv, {"-o", "--threads", "--isa"}, {"--bfloat16"})); });
}
