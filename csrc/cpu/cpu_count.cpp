// SPDX-License-Identifier: Apache-2.0
#include "cpu/cpu_count.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace flownet2 {
namespace {

constexpr int most_cpus = 1 << 16;

/// Smaller of two limits, of which 0 means none.
int tighter(int a, int b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

int quota_to_cpus(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  return static_cast<int>(std::min(std::ceil(quota / period), static_cast<double>(most_cpus)));
}

/// v2: "max 100000" or "150000 100000".
int limit_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0;
  double period = 0;
  return file >> quota >> period ? quota_to_cpus(quota, period) : 0;
}

/// v1: a quota of -1 means none.
int limit_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  return quota_file >> quota && period_file >> period ? quota_to_cpus(quota, period) : 0;
}

/// A group is bound by its own quota and by that of every group above it. In a container the path may
/// name folders that are not mounted; the root then holds the container's own limit.
template <typename Limit>
int tightest_up_to_root(const std::string& root, std::string path, Limit limit) {
  int result = limit(root);
  while (!path.empty() && path != "/") {
    result = tighter(result, limit(root + path));
    path.erase(path.find_last_of('/'));
  }
  return result;
}

bool has_cpu_controller(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
}

int affinity_cpus() {
#if defined(__linux__)
  cpu_set_t* set = CPU_ALLOC(most_cpus);
  if (set != nullptr) {
    const std::size_t bytes = CPU_ALLOC_SIZE(most_cpus);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

int cgroup_cpu_limit(const std::string& root, const std::string& membership) {
  int result = 0;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {  // "hierarchy:controllers:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      result = tighter(result, tightest_up_to_root(root, path, limit_v2));
    } else if (has_cpu_controller(controllers)) {
      result = tighter(result, tightest_up_to_root(root + "/cpu", path, limit_v1));
      result = tighter(result, tightest_up_to_root(root + "/cpu,cpuacct", path, limit_v1));
    }
  }
  return result;
}

int usable_cpus() {
  const int cpus = affinity_cpus();
#if defined(__linux__)
  std::ifstream file("/proc/self/cgroup");
  const std::string membership{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return tighter(cpus, cgroup_cpu_limit("/sys/fs/cgroup", membership));
#else
  return cpus;
#endif
}

}  // namespace flownet2
