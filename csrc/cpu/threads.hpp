// SPDX-License-Identifier: Apache-2.0
// One thread pool per process, started at the first use and after a change of num_threads().
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

}  // namespace flownet2
