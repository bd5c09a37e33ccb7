// SPDX-License-Identifier: Apache-2.0
// The one exception type that the library throws on purpose.
#pragma once

#include <flownet2/export.h>

#include <stdexcept>
#include <string>

namespace flownet2 {

enum class ErrorCode {
  invalid_argument = 1,  // a shape, a value or an environment variable is not what the function takes
  too_large,             // a size does not fit into the address space
  out_of_memory,         // the working memory could not be had
  cancelled,             // the caller asked to stop
  unreadable_file,       // the file is missing, no regular file, or cannot be read
  bad_model_file,        // the file is no model file, broken, or made by a newer version
};

/// what() names the function, argument or file, what was expected and what came.
class FLOWNET2_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;
  ~Error() override;

  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace flownet2
