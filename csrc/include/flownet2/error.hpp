// SPDX-License-Identifier: Apache-2.0
// The one exception type that the library throws on purpose.
#pragma once

#include <stdexcept>
#include <string>

namespace flownet2 {

enum class ErrorCode {
  invalid_argument,  // a shape, a value or an environment variable is not what the function takes
  too_large,         // a size does not fit into the address space
  out_of_memory,     // the working memory could not be had
  cancelled,         // the caller asked to stop
};

/// what() names the function, what was expected and what came.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace flownet2
