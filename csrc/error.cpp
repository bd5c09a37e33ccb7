// SPDX-License-Identifier: Apache-2.0
// Not inline: the type is told apart by addresses in one place when it crosses the library's border.
#include <flownet2/error.hpp>

namespace flownet2 {

Error::Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
Error::~Error() = default;

}  // namespace flownet2
