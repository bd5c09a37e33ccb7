// SPDX-License-Identifier: Apache-2.0
// The processor's peak: the loops of kernels/peak.inl.hpp on all threads, timed.
#include "cpu/peak.hpp"

#include <flownet2/error.hpp>
#include <flownet2/runtime.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"

namespace flownet2 {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr int tries = 5;
constexpr double try_seconds = 0.04;
/// Of each thread in one try: what one does while another starts late is lost in the last task alone.
constexpr int tasks_per_thread = 32;

template <typename Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

/// Results go here: a loop whose result nobody reads would be left out.
std::atomic<float> sink;

/// So many rounds that one thread needs about a task's time.
std::int64_t rounds_per_task(const PeakLoop& loop) {
  constexpr double wanted = try_seconds / tasks_per_thread;
  std::int64_t rounds = 1024;
  for (;;) {
    const double seconds = seconds_of([&] { sink = loop.run(rounds); });
    if (seconds >= wanted / 2 || rounds >= std::int64_t{1} << 40) return rounds;
    rounds *= 2;
  }
}

double measure(const PeakLoop& loop) {
  if (loop.run == nullptr) return 0.0;
  const std::int64_t rounds = rounds_per_task(loop);
  const std::int64_t tasks = std::int64_t{tasks_per_thread} * num_threads();
  const double flop = loop.flop * static_cast<double>(rounds) * static_cast<double>(tasks);
  double best = 0.0;
  for (int i = 0; i < tries; ++i) {
    const double seconds =
        seconds_of([&] { parallel_for(tasks, [&](std::int64_t) { sink = loop.run(rounds); }); });
    best = std::max(best, flop / seconds * 1e-9);
  }
  return best;
}

}  // namespace

double measure_peak(const std::string& kind) {
  if (kind == "fma") return measure(active_kernels().peak_fma);
  if (kind == "bf16") return measure(active_kernels().peak_bf16);
  throw Error(ErrorCode::invalid_argument, "kind must be \"fma\" or \"bf16\", got '" + kind + "'");
}

}  // namespace flownet2
