// SPDX-License-Identifier: Apache-2.0
// From planar to blocked activations and back, and joining along the channels.
#pragma once

#include <flownet2/array_view.hpp>

#include <cstdint>
#include <vector>

#include "cpu/blocked.hpp"

namespace flownet2 {

/// Channels [first, first + c) of a joined tensor; exactly one of the two views has data. With neither,
/// these channels are in place already.
struct ChannelPart {
  std::int64_t first = 0;
  ConstView planar;
  ConstBlocked blocked;
};

/// Writes the parts into `out`; lanes beyond out.c become 0. A channel block of `out` without any
/// channel of a part is left alone, so a part in place must have its blocks for itself.
void join_blocked(const std::vector<ChannelPart>& parts, const MutableBlocked& out);

/// The same for a planar result, which all parts together fill; parts are planar.
void join_planar(const std::vector<ChannelPart>& parts, MutableView out);

void to_blocked(ConstView in, const MutableBlocked& out);
void to_planar(const ConstBlocked& in, MutableView out);

}  // namespace flownet2
