// SPDX-License-Identifier: Apache-2.0
#include "cpu/threads.hpp"

#include <flownet2/error.hpp>
#include <flownet2/runtime.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "cpu/cpu_count.hpp"
#include "cpu/denormals.hpp"
#include "cpu/settings.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define FLOWNET2_HAS_FORK 1
#endif

namespace flownet2 {
namespace {

thread_local const std::function<bool()>* stop_question = nullptr;
thread_local std::chrono::steady_clock::time_point last_asked;

/// The tasks of one parallel_for. Threads draw indices from a counter until it runs out.
class Job {
 public:
  Job(std::int64_t count, const std::function<void(std::int64_t)>& task)
      : count_(count), task_(task), settings_(call_settings()) {}

  void work() noexcept {
    const FlushDenormals flush;
    const SettingsScope scope(settings_);
    try {
      for (std::int64_t i = next_++; i < count_; i = next_++) {
        check_stop();
        task_(i);
      }
    } catch (...) {
      next_ = count_;
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const std::int64_t count_;
  const std::function<void(std::int64_t)>& task_;
  const CallSettings settings_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
};

inline void pause() {
#if defined(__SSE2__) || defined(_M_X64)
  _mm_pause();
#endif
}

/// Waits for condition() for as long as falling asleep and waking up would cost; it may still be false
/// afterwards.
template <typename Condition>
void spin(const Condition& condition) {
  using Clock = std::chrono::steady_clock;
  constexpr auto limit = std::chrono::microseconds(20);
  const Clock::time_point end = Clock::now() + limit;
  while (!condition() && Clock::now() < end) {
    for (int i = 0; i < 16; ++i) pause();
  }
}

class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// False, with nothing done, if another thread has the pool.
  bool run(Job& job, int threads) {
    const std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    if (!owner.owns_lock()) return false;
    // Never fewer: calls with different numbers of threads would end and start workers all the time.
    if (const std::size_t wanted = static_cast<std::size_t>(threads) - 1; wanted > workers_.size())
      grow(wanted);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      helpers_ = threads - 1;
      ++job_number_;
    }
    wake_.notify_all();
    job.work();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = nullptr;  // workers still asleep stay out of it
    }
    spin([this] { return busy_ == 0; });
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return busy_ == 0; });
    return true;
  }

  /// Ends the workers, unless some thread is inside run(): that one is left to the end of the process.
  void stop_if_idle() {
    const std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    if (owner.owns_lock()) stop_workers();
  }

 private:
  void grow(std::size_t wanted) {
    try {
      while (workers_.size() < wanted) workers_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      // The system gives no more threads: the caller and those that did start do the work.
    }
  }

  void stop_workers() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_ = false;
  }

  void serve();

  std::mutex owner_;  // held by the thread whose job runs, and to change workers_
  std::vector<std::thread> workers_;

  std::mutex mutex_;  // guards changes of what follows; the atomics may be read without it
  std::condition_variable wake_;
  std::condition_variable idle_;
  Job* job_ = nullptr;
  int helpers_ = 0;  // that the job wants
  std::atomic<std::uint64_t> job_number_{0};
  std::atomic<int> busy_{0};
  bool stop_ = false;
};

/// Set on workers for good, on a caller while its job runs.
thread_local bool inside_job = false;

void Pool::serve() {
  inside_job = true;
  std::uint64_t seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || (job_ != nullptr && job_number_ != seen); });
    if (stop_) return;
    seen = job_number_;
    if (busy_ >= helpers_) continue;
    Job* job = job_;
    ++busy_;
    lock.unlock();
    job->work();
    lock.lock();
    if (--busy_ == 0) idle_.notify_one();
    lock.unlock();
    spin([&] { return job_number_ != seen; });
    lock.lock();
  }
}

// Pools are never destroyed: at exit another thread may be inside one. A child of fork() has none of the
// workers, and locks in whatever state they were: it abandons the pool it inherits and makes its own.
std::atomic<Pool*> current_pool{nullptr};

#if defined(FLOWNET2_HAS_FORK)
std::atomic<Pool*> abandoned_pool{nullptr};  // keeps it reachable for leak checkers

void abandon_pool_in_child() {
  if (Pool* pool = current_pool.exchange(nullptr)) abandoned_pool = pool;
}

const int at_fork = pthread_atfork(nullptr, nullptr, abandon_pool_in_child);
#endif

/// Ends idle workers at exit.
struct PoolStopper {
  PoolStopper() = default;
  PoolStopper(const PoolStopper&) = delete;
  PoolStopper& operator=(const PoolStopper&) = delete;
  ~PoolStopper() {
    if (Pool* pool = current_pool.load()) pool->stop_if_idle();
  }
};

const PoolStopper at_exit;

Pool& pool() {
  Pool* existing = current_pool.load();
  if (existing != nullptr) return *existing;
  Pool* fresh = new Pool;
  if (current_pool.compare_exchange_strong(existing, fresh)) return *fresh;
  delete fresh;
  return *existing;
}

int threads_from_environment() {
  const char* text = std::getenv("FLOWNET2_NUM_THREADS");
  if (text == nullptr || *text == '\0') return 0;
  const std::string digits = text;
  const bool number = digits.size() <= 4 && digits.find_first_not_of("0123456789") == std::string::npos;
  const int count = number ? std::stoi(digits) : 0;
  if (count < 1 || count > max_threads) {
    throw Error(ErrorCode::invalid_argument, "FLOWNET2_NUM_THREADS must be a number from 1 to " +
                                                 std::to_string(max_threads) + ", got '" + digits + "'");
  }
  return count;
}

std::atomic<int> chosen_threads{0};  // 0: not known yet

}  // namespace

void set_num_threads(int count) {
  if (count < 1 || count > max_threads) {
    throw Error(ErrorCode::invalid_argument, "the number of threads must be from 1 to " +
                                                 std::to_string(max_threads) + ", got " +
                                                 std::to_string(count));
  }
  chosen_threads = count;
}

int num_threads() {
  int count = chosen_threads;
  if (count != 0) return count;
  const int asked = threads_from_environment();
  const int found = asked != 0 ? asked : std::min(usable_cpus(), max_threads);
  // set_num_threads may have come first.
  return chosen_threads.compare_exchange_strong(count, found) ? found : count;
}

StopCheck::StopCheck(const std::function<bool()>& stop) {
  stop_question = &stop;
  last_asked = std::chrono::steady_clock::now();
}

StopCheck::~StopCheck() { stop_question = nullptr; }

void check_stop() {
  if (stop_question == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_asked < std::chrono::milliseconds(20)) return;
  last_asked = now;
  if ((*stop_question)()) throw Error(ErrorCode::cancelled, "the call was stopped");
}

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& task) {
  const int threads = inside_job ? 1 : call_threads();
  Job job(count, task);
  if (threads == 1 || count < 2) {
    job.work();
  } else {
    inside_job = true;
    const bool done = pool().run(job, threads);
    if (!done) job.work();
    inside_job = false;
  }
  job.rethrow();
}

}  // namespace flownet2
