// SPDX-License-Identifier: Apache-2.0
// What is known of a thread, a warp and a launch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "fibers.hpp"
#include "language.hpp"

namespace cuh {

struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Work counters of the launches since reset_stats(): cheap facts a test can pin down.
struct Stats {
  uint64_t launches = 0, blocks = 0, threads = 0, barriers = 0, warp_ops = 0, switches = 0;
  uint64_t mma = 0, ldmatrix = 0, ldmatrix_phases = 0;  // phases == 4 * ldmatrix means conflict-free
  uint64_t cp_async_bytes = 0;
  uint64_t stream_waits = 0;  // cudaStreamWaitEvent
  size_t max_shared = 0;      // most shared memory any block used, static + dynamic
};

namespace detail {
struct Site {
  const char* file = "";
  int line = 0;
  const char* what = "";
  std::string text() const {
    const char* base = std::strrchr(file, '/');
    return std::string(what) + " " + (base ? base + 1 : file) + ":" + std::to_string(line);
  }
  bool operator==(const Site& o) const {
    return line == o.line && (what == o.what || !std::strcmp(what, o.what)) &&
           (file == o.file || !std::strcmp(file, o.file));
  }
};

enum class State : uint8_t { Ready, AtBarrier, AtWarp, Done };

struct WarpOp {  // what a lane brings to a warp rendezvous
  unsigned mask = 0;
  int kind = 0, arg = 0, width = 32;
  unsigned char in[16] = {0}, out[16] = {0};
  int bytes = 0;
  void* p[4] = {nullptr, nullptr, nullptr, nullptr};
};

struct PendingCopy {
  void* dst;
  const void* src;
  bool valid;
  int group;
};

struct Thread {
  Context ctx;
  uint3 tid{0, 0, 0};
  int linear = 0;
  State state = State::Done;
  Site site;
  WarpOp op;
  int group = 0;                     // cp.async: the group now being filled
  std::vector<PendingCopy> pending;  // cp.async: copies not landed yet
};

struct Warp {
  int first = 0, lanes = 0;
  unsigned waiting = 0, returned = 0;  // lanes at a rendezvous, lanes that are done
  unsigned sync_no = 0;                // completed __syncwarp operations
  char tag[2] = {0, 0};                // what TSan orders them on
};

struct SharedVar {
  const void* key;
  void* ptr;
  size_t bytes;
};

}  // namespace detail
}  // namespace cuh
