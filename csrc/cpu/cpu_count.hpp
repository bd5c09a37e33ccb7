// SPDX-License-Identifier: Apache-2.0
// How many CPUs this process may keep busy.
#pragma once

#include <string>

namespace flownet2 {

/// The least of the scheduler's affinity mask and the cgroup's CPU quota, at least 1.
int usable_cpus();

/// CPUs that a cgroup's quota (v2 cpu.max, v1 cpu.cfs_quota_us) leaves, rounded up; 0 for no limit.
/// `root` is where cgroups are mounted, `membership` the text of /proc/self/cgroup.
int cgroup_cpu_limit(const std::string& root, const std::string& membership);

}  // namespace flownet2
