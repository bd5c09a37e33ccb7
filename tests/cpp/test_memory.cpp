// SPDX-License-Identifier: Apache-2.0
// What is kept for later: blocks of memory, idle working memory, plans.
#include <flownet2/error.hpp>

#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cpu/memory.hpp"
#include "engine/arena.hpp"
#include "engine/plan_cache.hpp"

namespace {

using flownet2::aligned_bytes;
using flownet2::aligned_floats;
using flownet2::ArenaPool;

constexpr std::int64_t mega = 1 << 18;  // floats

std::string failure_of(std::int64_t count) {
  try {
    aligned_floats("test", count);
  } catch (const flownet2::Error& error) {
    CHECK(error.code() == flownet2::ErrorCode::out_of_memory);
    return error.what();
  }
  return "";
}

TEST_CASE("blocks are zero, aligned and counted") {
  const std::int64_t before = aligned_bytes();
  for (const std::int64_t count : {0, 1, 1000, 32767, 32768, 1000000}) {
    const flownet2::AlignedFloats block = aligned_floats("test", count);
    CHECK(reinterpret_cast<std::uintptr_t>(block.get()) % 64 == 0);
    CHECK(std::count(block.get(), block.get() + count, 0.0f) == count);
    std::fill(block.get(), block.get() + count, 1.0f);
    const std::int64_t bytes = count * static_cast<std::int64_t>(sizeof(float));
    CHECK(aligned_bytes() - before >= bytes);
    CHECK(aligned_bytes() - before < bytes + 128);
  }
  CHECK(aligned_bytes() == before);
}

TEST_CASE("allocations fail where they are told to") {
  const std::int64_t before = aligned_bytes();
  flownet2::fail_allocation(2);
  CHECK(failure_of(10).empty());
  CHECK(failure_of(10) == "test: no memory for 40 bytes");
  CHECK(failure_of(10).empty());
  flownet2::fail_allocation(1);
  flownet2::fail_allocation(0);
  CHECK(failure_of(10).empty());
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  CHECK(failure_of(huge) == "test: no memory for " + std::to_string(huge) + " * 4 bytes");
  CHECK(aligned_bytes() == before);
}

/// Megabytes that the pool keeps.
class Kept {
 public:
  std::int64_t now() const { return (aligned_bytes() - before_) >> 20; }

 private:
  std::int64_t before_ = aligned_bytes();
};

TEST_CASE("idle arenas are reused") {
  const Kept kept;
  ArenaPool pool;
  const float* first = nullptr;
  {
    const ArenaPool::Loan loan(pool, 2 * mega);
    first = loan.data();
  }
  for (const std::int64_t floats : {2 * mega, mega, std::int64_t{1}}) {
    CHECK(ArenaPool::Loan(pool, floats).data() == first);
  }
  CHECK(kept.now() == 2);
  ArenaPool::Loan(pool, 3 * mega);  // instead of the smaller one, not beside it
  CHECK(kept.now() == 3);
}

TEST_CASE("at most two arenas stay") {
  const Kept kept;
  {
    ArenaPool pool;
    {
      const ArenaPool::Loan a(pool, mega), b(pool, mega), c(pool, mega), d(pool, mega);
      CHECK(kept.now() == 4);
    }
    CHECK(kept.now() == 2);
    for (int run = 0; run < 20; ++run) ArenaPool::Loan(pool, mega);
    CHECK(kept.now() == 1);  // one thread needs one
  }
  CHECK(kept.now() == 0);
}

TEST_CASE("a large arena leaves once it is not needed") {
  const Kept kept;
  ArenaPool pool;
  ArenaPool::Loan(pool, 100 * mega);
  for (int run = 0; run < 10; ++run) ArenaPool::Loan(pool, 10 * mega);
  CHECK(kept.now() == 100);
  ArenaPool::Loan(pool, 90 * mega);  // needed again
  for (int run = 0; run < 16; ++run) ArenaPool::Loan(pool, 10 * mega);
  CHECK(kept.now() == 100);
  ArenaPool::Loan(pool, 10 * mega);
  CHECK(kept.now() == 10);
}

TEST_CASE("a failed loan leaves the pool whole") {
  const Kept kept;
  ArenaPool pool;
  ArenaPool::Loan(pool, mega);
  flownet2::fail_allocation(1);
  bool failed = false;
  try {
    ArenaPool::Loan(pool, 2 * mega);
  } catch (const flownet2::Error& error) {
    failed = error.code() == flownet2::ErrorCode::out_of_memory;
  }
  CHECK(failed);
  CHECK(ArenaPool::Loan(pool, 2 * mega).data() != nullptr);
  CHECK(kept.now() == 2);
}

constexpr const char* graph_text = R"({"schema": 1, "name": "test", "size_multiple": 1,
  "inputs": [{"name": "x", "channels": 1}], "parameters": {},
  "nodes": [{"name": "y", "op": "leaky_relu", "inputs": ["x"], "attributes": {"slope": 0.5}}],
  "outputs": {"flow": "y"}})";

TEST_CASE("plans of the last eight sizes stay") {
  constexpr std::int64_t most = 8;
  const flownet2::Graph graph = flownet2::parse_graph(graph_text);
  flownet2::PlanCache cache;
  const auto plan = [&](std::int64_t side) {
    return cache.get(graph, flownet2::Element::float32, {{1, 1, side, side}}, {1}, false);
  };
  std::vector<std::weak_ptr<const flownet2::Plan>> plans;
  for (std::int64_t side = 1; side <= 100; ++side) {
    plans.emplace_back(plan(side));
    CHECK(plan(side) == plans.back().lock());
    CHECK(plan(1) == plans.front().lock());  // used all the time
    std::int64_t alive = 0;
    for (const auto& one : plans) alive += one.expired() ? 0 : 1;
    CHECK(alive == (side < most ? side : most));
  }
  CHECK(plans[100 - 7].lock() != nullptr);
  CHECK(plans[100 - 8].expired());
}

}  // namespace
