// SPDX-License-Identifier: Apache-2.0
// The thread pool and the CPU count; meant for the thread sanitizer above all.
#include <flownet2/flownet2.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cpu/cpu_count.hpp"
#include "cpu/kernel_table.hpp"
#include "cpu/settings.hpp"
#include "cpu/threads.hpp"

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

// The thread sanitizer does not follow a fork of a process with threads.
#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
#define FLOWNET2_TEST_FORK 1
#endif

namespace {

using flownet2::call_settings;
using flownet2::CallSettings;
using flownet2::parallel_for;
using flownet2::set_num_threads;
using flownet2::SettingsScope;

std::int64_t sum_of_squares(std::int64_t count) {
  std::vector<std::int64_t> squares(static_cast<std::size_t>(count));
  parallel_for(count, [&](std::int64_t i) { squares[static_cast<std::size_t>(i)] += i * i; });
  std::int64_t sum = 0;
  for (const std::int64_t square : squares) sum += square;
  return sum;
}

std::int64_t expected_sum(std::int64_t count) { return (count - 1) * count * (2 * count - 1) / 6; }

TEST_CASE("there is a CPU") { CHECK(flownet2::usable_cpus() >= 1); }

TEST_CASE("every task runs once") {
  for (const int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    CHECK(flownet2::num_threads() == threads);
    for (const std::int64_t count : {0, 1, 2, 3, 100, 1000}) {
      CHECK(sum_of_squares(count) == expected_sum(count));
    }
  }
}

TEST_CASE("nested calls") {
  set_num_threads(3);
  std::atomic<std::int64_t> total{0};
  parallel_for(20, [&](std::int64_t) { total += sum_of_squares(50); });
  CHECK(total == 20 * expected_sum(50));
}

TEST_CASE("exceptions reach the caller") {
  set_num_threads(4);
  for (int round = 0; round < 100; ++round) {
    std::string text;
    try {
      parallel_for(100, [&](std::int64_t i) {
        if (i == 37) throw std::runtime_error("task 37");
      });
    } catch (const std::runtime_error& error) {
      text = error.what();
    }
    CHECK(text == "task 37");
    CHECK(sum_of_squares(100) == expected_sum(100));
  }
}

TEST_CASE("many callers and changing counts") {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([caller] {
      for (int round = 0; round < 100; ++round) {
        if (round % 10 == 0) set_num_threads(1 + (caller + round / 10) % 4);
        CHECK(sum_of_squares(200) == expected_sum(200));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_CASE("kernels from many threads") {
  set_num_threads(3);
  const flownet2::Shape shape = {2, 9, 13, 21};
  std::vector<float> a(2 * 9 * 13 * 21);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 17) - 8.0f;
  const flownet2::ConstView view(a.data(), shape);
  const flownet2::CorrelationOptions options;
  const flownet2::Shape out_shape = flownet2::correlation_shape(shape, shape, options);
  const auto correlate = [&] {
    std::vector<float> out(
        static_cast<std::size_t>(out_shape.n * out_shape.c * out_shape.h * out_shape.w));
    flownet2::correlation(view, view, options, {out.data(), out_shape});
    return out;
  };
  const std::vector<float> expected = correlate();
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 5; ++round) CHECK(correlate() == expected);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_CASE("bad counts are refused") {
  for (const int count : {0, -1, flownet2::max_threads + 1}) {
    bool refused = false;
    try {
      set_num_threads(count);
    } catch (const flownet2::Error& error) {
      refused = error.code() == flownet2::ErrorCode::invalid_argument;
    }
    CHECK(refused);
  }
}

/// Runs that many tasks; each waits until all of them run at once, or for ten seconds.
bool all_at_once(int tasks) {
  std::atomic<int> running{0};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  parallel_for(tasks, [&](std::int64_t) {
    ++running;
    while (running < tasks && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  return std::chrono::steady_clock::now() < end;
}

/// Threads that take part in a job with more tasks than workers; `look` is called in each task.
template <typename Look>
std::size_t threads_of_a_job(const Look& look) {
  std::mutex mutex;
  std::set<std::thread::id> ids;
  parallel_for(60, [&](std::int64_t) {
    look();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // others come before the tasks are gone
    const std::lock_guard<std::mutex> lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  return ids.size();
}

TEST_CASE("a call runs on as many threads as its settings say, however many the pool has") {
  set_num_threads(6);
  REQUIRE(all_at_once(6));  // the pool has five workers, and they come
  for (const int threads : {1, 2, 3, 5, 2, 1, 4}) {
    const SettingsScope scope({nullptr, threads});
    CHECK(flownet2::call_threads() == threads);
    CHECK(all_at_once(threads));
    CHECK(threads_of_a_job([] {}) <= static_cast<std::size_t>(threads));
  }
  CHECK(flownet2::call_threads() == 6);
  CHECK(all_at_once(6));
}

TEST_CASE("settings reach all tasks of a call and no others") {
  set_num_threads(4);
  const CallSettings settings = {&flownet2::scalar_kernels, 3};
  const auto count_with = [](const CallSettings& wanted) {
    std::atomic<int> same{0};
    threads_of_a_job([&] {
      const CallSettings& here = call_settings();
      same += here.kernels == wanted.kernels && here.threads == wanted.threads ? 1 : 0;
    });
    return same.load();
  };
  for (int round = 0; round < 3; ++round) {
    {
      const SettingsScope scope(settings);
      CHECK(count_with(settings) == 60);
    }
    CHECK(count_with({}) == 60);  // workers have forgotten them
  }
}

TEST_CASE("settings nest and are undone, by exceptions too") {
  set_num_threads(4);
  const auto threads_here = [] { return call_settings().threads; };
  {
    const SettingsScope outer({&flownet2::scalar_kernels, 2});
    try {
      const SettingsScope inner({nullptr, 3});
      CHECK(threads_here() == 3);
      CHECK(call_settings().kernels == nullptr);
      parallel_for(10, [](std::int64_t) {
        const SettingsScope task({nullptr, 1});
        throw std::runtime_error("from a task");
      });
      FAIL("the exception of the task is lost");
    } catch (const std::runtime_error&) {
      CHECK(threads_here() == 2);
      CHECK(call_settings().kernels == &flownet2::scalar_kernels);
    }
  }
  CHECK(threads_here() == 0);
  CHECK(call_settings().kernels == nullptr);
  CHECK(flownet2::call_threads() == 4);
}

TEST_CASE("calls with different numbers of threads alternate") {
  set_num_threads(3);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([caller] {
      for (int round = 0; round < 200; ++round) {
        const SettingsScope scope({nullptr, 1 + (caller + round) % 8});
        CHECK(sum_of_squares(100) == expected_sum(100));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

#if defined(FLOWNET2_TEST_FORK)
TEST_CASE("a child that was forked while other threads keep the pool busy can compute") {
  set_num_threads(3);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) sum_of_squares(100);
  });
  for (int round = 0; round < 50; ++round) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      alarm(10);  // a hang ends the child by a signal
      _exit(sum_of_squares(300) == expected_sum(300) ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);  // it exited by itself, with 0
  }
  stop = true;
  busy.join();
}
#endif

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST_CASE("limits of control groups") {
  using flownet2::cgroup_cpu_limit;
  const std::string folder = FLOWNET2_TEST_FOLDER;
  const std::string v2 = folder + "/cgroup_v2";
  std::filesystem::remove_all(v2);
  CHECK(cgroup_cpu_limit(folder + "/missing", "0::/\n") == 0);
  write(v2 + "/a/b/cpu.max", "max 100000\n");
  CHECK(cgroup_cpu_limit(v2, "0::/a/b\n") == 0);
  write(v2 + "/a/cpu.max", "250000 100000\n");
  CHECK(cgroup_cpu_limit(v2, "0::/a/b\n") == 3);
  write(v2 + "/cpu.max", "50000 100000\n");
  CHECK(cgroup_cpu_limit(v2, "0::/a/b\n") == 1);
  CHECK(cgroup_cpu_limit(v2, "0::/not/mounted\n") == 1);
  CHECK(cgroup_cpu_limit(v2, "no colons\n0:none\n0::relative\n") == 0);

  const std::string v1 = folder + "/cgroup_v1";
  std::filesystem::remove_all(v1);
  const std::string membership = "11:memory:/g\n4:cpu,cpuacct:/g\n1:name=systemd:/g\n";
  write(v1 + "/cpu/cpu.cfs_quota_us", "-1\n");
  write(v1 + "/cpu/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cpu_limit(v1, membership) == 0);
  write(v1 + "/cpu/g/cpu.cfs_quota_us", "400000\n");
  write(v1 + "/cpu/g/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cpu_limit(v1, membership) == 4);
  CHECK(cgroup_cpu_limit(v1, "11:memory:/g\n") == 0);
}

}  // namespace
