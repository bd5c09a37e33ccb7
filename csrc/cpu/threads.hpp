// SPDX-License-Identifier: Apache-2.0
// One thread pool per process, started at the first use and enlarged where a call wants more threads.
#pragma once

#include <cstdint>
#include <functional>

namespace flownet2 {

/// Calls task(0) ... task(count - 1), each once, in any order, on the calling thread and the pool's.
///
/// What a task computes must depend on its index alone: then no result depends on the number of threads.
/// The first exception of a task reaches the caller, after the running tasks ended; tasks not yet begun
/// are dropped. Any number of threads may call; a call that finds the pool busy, and one from inside a
/// task, runs on its own thread.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& task);

/// While it lives, parallel_for asks `stop` between this thread's tasks, every 20 ms at the most often;
/// once that says true, it throws Error with ErrorCode::cancelled. One at a time per thread.
class StopCheck {
 public:
  explicit StopCheck(const std::function<bool()>& stop);
  ~StopCheck();
  StopCheck(const StopCheck&) = delete;
  StopCheck& operator=(const StopCheck&) = delete;
};

/// What parallel_for does between tasks, for other places to do it.
void check_stop();

}  // namespace flownet2
