// SPDX-License-Identifier: Apache-2.0
// What the functions of flownet2.h share: errors as status codes, structs that grow with the versions.
#pragma once

#include <flownet2/flownet2.h>

#include <cstddef>

namespace flownet2::c_api {

/// The status of the exception that is being handled; its message becomes flownet2_last_error().
flownet2_status keep_error() noexcept;

/// Calls compute(); what it throws becomes a status.
template <typename Compute>
flownet2_status guarded(const Compute& compute) noexcept {
  try {
    compute();
    return FLOWNET2_OK;
  } catch (...) {
    return keep_error();
  }
}

/// Throws Error if the argument is null.
void require(const char* name, const void* pointer);

template <typename Struct>
inline constexpr const char* struct_name = nullptr;
template <>
inline constexpr const char* struct_name<flownet2_load_options> = "flownet2_load_options";
template <>
inline constexpr const char* struct_name<flownet2_info> = "flownet2_info";
template <>
inline constexpr const char* struct_name<flownet2_self_check_result> = "flownet2_self_check_result";
template <>
inline constexpr const char* struct_name<flownet2_flow_options> = "flownet2_flow_options";
template <>
inline constexpr const char* struct_name<flownet2_convolution_options> = "flownet2_convolution_options";
template <>
inline constexpr const char* struct_name<flownet2_correlation_options> = "flownet2_correlation_options";
template <>
inline constexpr const char* struct_name<flownet2_warp_options> = "flownet2_warp_options";
template <>
inline constexpr const char* struct_name<flownet2_resize_options> = "flownet2_resize_options";

/// The struct at `given`, which says in its first field how large it is, as one of `size` bytes: an
/// older one is filled up with zeros, a newer one must be zero in what this library does not know.
/// Throws Error.
void read_struct(const char* name, const void* given, void* to, std::size_t size);

/// The caller's options; all zeros where there are none.
template <typename Options>
Options options_of(const Options* given) {
  static_assert(struct_name<Options> != nullptr, "name it above");
  Options options{};
  if (given != nullptr) read_struct(struct_name<Options>, given, &options, sizeof(Options));
  return options;
}

/// Writes as much of `from` as the caller's struct has, which says in its first field how much that is;
/// fields that this library does not know become 0. Throws Error.
void write_struct(const char* name, const void* from, void* to, std::size_t size);

/// The same for a struct that is a result.
template <typename Result>
void give(const Result& from, Result* to) {
  static_assert(struct_name<Result> != nullptr, "name it above");
  write_struct(struct_name<Result>, &from, to, sizeof(Result));
}

}  // namespace flownet2::c_api
