// SPDX-License-Identifier: Apache-2.0
// Reading typed fields of JSON objects; every fault is an Error that names `what` and the field.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include "engine/json.hpp"
#include "ops/checks.hpp"
#include "ops/rounded.hpp"

namespace flownet2 {

/// The largest integer that a graph text may hold.
inline constexpr std::int64_t largest_integer = std::numeric_limits<std::int32_t>::max();

inline std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

/// `value` as a T, called `expected` in the message.
template <typename T>
const T& json_as(const Json& value, const std::string& what, const char* expected) {
  const T* found = value.as<T>();
  if (found == nullptr) fail("graph", what + " must be " + expected + ", got " + value.kind());
  return *found;
}

inline const std::string& json_string(const Json& value, const std::string& what) {
  return json_as<std::string>(value, what, "a string");
}

inline std::int64_t json_integer(const Json& value, const std::string& what, std::int64_t least) {
  const std::int64_t number = json_as<std::int64_t>(value, what, "an integer below 2^31");
  if (number < least || number > largest_integer) {
    fail("graph", what + " must be from " + std::to_string(least) + " to " +
                      std::to_string(largest_integer) + ", got " + std::to_string(number));
  }
  return number;
}

/// An integer or a number, not infinite, rounded to float (infinite where a float is too small for it).
inline float json_float(const Json& value, const std::string& what) {
  const std::int64_t* integer = value.as<std::int64_t>();
  const double number =
      integer != nullptr ? static_cast<double>(*integer) : json_as<double>(value, what, "a number");
  if (!std::isfinite(number)) fail("graph", what + " must be a finite number");
  return nearest_float(number);
}

/// A JSON object with known fields.
class Fields {
 public:
  /// `what` names the object in messages. Its fields must be among `known`.
  Fields(const Json& object, std::string what, std::initializer_list<const char*> known)
      : what_(std::move(what)), members_(json_as<Json::Object>(object, what_, "an object")) {
    for (const JsonMember& member : members_) {
      bool found = false;
      for (const char* name : known) found = found || member.key == name;
      if (!found) fail("graph", what_ + " has the unknown field " + quoted(member.key));
    }
  }

  /// The field, or null.
  const Json* find(std::string_view name) const {
    for (const JsonMember& member : members_) {
      if (member.key == name) return &member.value;
    }
    return nullptr;
  }

  const Json& get(std::string_view name) const {
    const Json* value = find(name);
    if (value == nullptr) fail("graph", what_ + " lacks " + quoted(name));
    return *value;
  }

  /// "NAME of WHAT", for messages.
  std::string label(std::string_view name) const { return std::string(name) + " of " + what_; }

  const std::string& text(std::string_view name) const { return json_string(get(name), label(name)); }

  const Json::Array& list(std::string_view name) const {
    return json_as<Json::Array>(get(name), label(name), "an array");
  }

  const Json::Object& map(std::string_view name) const {
    return json_as<Json::Object>(get(name), label(name), "an object");
  }

 private:
  std::string what_;
  const Json::Object& members_;
};

}  // namespace flownet2
