// SPDX-License-Identifier: Apache-2.0
// What the functions of the C interface share: exceptions as statuses, messages by thread, structs of
// older and newer versions.
#include <flownet2/error.hpp>

#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "c_api/status.hpp"

namespace {

using flownet2::Error;
using flownet2::ErrorCode;
using flownet2::c_api::give;
using flownet2::c_api::guarded;
using flownet2::c_api::options_of;

template <typename Exception>
flownet2_status status_of(const Exception& exception) {
  return guarded([&] { throw exception; });
}

std::string last_error() { return flownet2_last_error(); }

TEST_CASE("exceptions become statuses, and their messages stay") {
  CHECK(guarded([] {}) == FLOWNET2_OK);
  CHECK(last_error() == "");
  CHECK(status_of(Error(ErrorCode::cancelled, "stopped")) == FLOWNET2_CANCELLED);
  CHECK(last_error() == "stopped");
  CHECK(status_of(Error(ErrorCode::bad_model_file, "cut off")) == FLOWNET2_BAD_MODEL_FILE);
  CHECK(guarded([] {}) == FLOWNET2_OK);
  CHECK(last_error() == "cut off");
  CHECK(status_of(std::bad_alloc()) == FLOWNET2_OUT_OF_MEMORY);
  CHECK(last_error() == "out of memory");
  CHECK(status_of(std::logic_error("a fault")) == FLOWNET2_INTERNAL_ERROR);
  CHECK(last_error() == "a fault");
  CHECK(status_of(1) == FLOWNET2_INTERNAL_ERROR);
  CHECK(last_error() == "an exception of an unknown kind");
}

TEST_CASE("each thread has its own message") {
  status_of(std::logic_error("of the first thread"));
  std::thread([] {
    CHECK(last_error() == "");
    status_of(std::logic_error("of the second thread"));
    CHECK(last_error() == "of the second thread");
  }).join();
  CHECK(last_error() == "of the first thread");
}

TEST_CASE("options of older and newer programs") {
  const auto mask_of = [](const flownet2_warp_options* given) { return options_of(given).mask; };
  CHECK(mask_of(nullptr) == 0);
  flownet2_warp_options options = {sizeof(options), 1, 1, 1};
  CHECK(mask_of(&options) == 1);
  CHECK(options_of(&options).zeros == 1);
  options.struct_size = offsetof(flownet2_warp_options, mask);  // one without it
  CHECK(mask_of(&options) == 0);
  CHECK(options_of(&options).zeros == 1);
  for (const std::size_t size : {std::size_t{0}, sizeof(std::size_t) - 1, std::size_t{1} << 40}) {
    options.struct_size = size;
    CHECK_THROWS_AS(mask_of(&options), Error);
  }
  struct {
    flownet2_warp_options known;
    std::int64_t later;
  } newer = {{sizeof(newer), 0, 0, 1}, 0};
  CHECK(mask_of(&newer.known) == 1);
  newer.later = 1;
  CHECK_THROWS_AS(mask_of(&newer.known), Error);
}

TEST_CASE("results for older and newer programs") {
  flownet2_info full = {};
  full.struct_size = sizeof(full);
  full.network = "flownet2";
  full.parameters = 5;
  full.size_multiple = 64;

  flownet2_info older = {};
  older.struct_size = offsetof(flownet2_info, size_multiple);
  older.size_multiple = -1;
  give(full, &older);
  CHECK(older.parameters == 5);
  CHECK(older.size_multiple == -1);  // beyond what the program knows of
  CHECK(older.struct_size == offsetof(flownet2_info, size_multiple));

  struct {
    flownet2_info known;
    std::int64_t later;
  } newer = {};
  newer.known.struct_size = sizeof(newer);
  newer.later = -1;
  give(full, &newer.known);
  CHECK(std::string(newer.known.network) == "flownet2");
  CHECK(newer.known.size_multiple == 64);
  CHECK(newer.later == 0);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1} << 40}) {
    newer.known.struct_size = size;
    CHECK_THROWS_AS(give(full, &newer.known), Error);
  }
}

}  // namespace
