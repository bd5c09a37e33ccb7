// SPDX-License-Identifier: Apache-2.0
#include "c_api/status.hpp"

#include <flownet2/error.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

namespace flownet2::c_api {
namespace {

thread_local std::string kept_message;
thread_local const char* last_message = "";

flownet2_status keep(flownet2_status status, const char* message) noexcept {
  try {
    kept_message = message;
    last_message = kept_message.c_str();
  } catch (...) {
    last_message = "out of memory, for the message of an error too";
  }
  return status;
}

/// No version's struct is larger: a field that was never set is not taken for a size.
constexpr std::size_t largest_struct = 4096;

/// What the caller's struct says of its size.
std::size_t size_of(const char* name, const void* given) {
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof(size));
  if (size < sizeof(size) || size > largest_struct) {
    throw Error(ErrorCode::invalid_argument, std::string(name) + ": set struct_size = sizeof(" + name +
                                                 "), got " + std::to_string(size));
  }
  return size;
}

}  // namespace

static_assert(static_cast<int>(ErrorCode::invalid_argument) == FLOWNET2_INVALID_ARGUMENT);
static_assert(static_cast<int>(ErrorCode::too_large) == FLOWNET2_TOO_LARGE);
static_assert(static_cast<int>(ErrorCode::out_of_memory) == FLOWNET2_OUT_OF_MEMORY);
static_assert(static_cast<int>(ErrorCode::cancelled) == FLOWNET2_CANCELLED);
static_assert(static_cast<int>(ErrorCode::unreadable_file) == FLOWNET2_UNREADABLE_FILE);
static_assert(static_cast<int>(ErrorCode::bad_model_file) == FLOWNET2_BAD_MODEL_FILE);

flownet2_status keep_error() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return keep(static_cast<flownet2_status>(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return keep(FLOWNET2_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return keep(FLOWNET2_INTERNAL_ERROR, error.what());
  } catch (...) {
    return keep(FLOWNET2_INTERNAL_ERROR, "an exception of an unknown kind");
  }
}

void require(const char* name, const void* pointer) {
  if (pointer == nullptr) {
    throw Error(ErrorCode::invalid_argument, std::string(name) + " must not be NULL");
  }
}

void read_struct(const char* name, const void* given, void* to, std::size_t size) {
  const std::size_t theirs = size_of(name, given);
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (std::size_t i = size; i < theirs; ++i) {
    if (bytes[i] != 0) {
      throw Error(ErrorCode::invalid_argument,
                  std::string(name) + ": made for a newer flownet2 than " + FLOWNET2_VERSION +
                      ": struct_size is " + std::to_string(theirs) + " bytes, of which this one knows " +
                      std::to_string(size) + ", and those beyond are not all 0");
    }
  }
  std::memcpy(to, given, std::min(theirs, size));
}

void write_struct(const char* name, const void* from, void* to, std::size_t size) {
  const std::size_t theirs = size_of(name, to);
  const std::size_t both = std::min(theirs, size);
  auto* bytes = static_cast<unsigned char*>(to);
  std::memcpy(bytes + sizeof(theirs), static_cast<const unsigned char*>(from) + sizeof(theirs),
              both - sizeof(theirs));
  std::memset(bytes + both, 0, theirs - both);
}

}  // namespace flownet2::c_api

const char* flownet2_last_error(void) { return flownet2::c_api::last_message; }

const char* flownet2_version(void) { return FLOWNET2_VERSION; }
