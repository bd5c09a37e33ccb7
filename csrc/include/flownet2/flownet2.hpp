// SPDX-License-Identifier: Apache-2.0
// Everything public. Example:
//
//   std::vector<float> x(3 * 64 * 96), flow(2 * 64 * 96), out(x.size());
//   flownet2::warp({x.data(), {1, 3, 64, 96}}, {flow.data(), {1, 2, 64, 96}}, {}, {out.data(), {1, 3,
//   64, 96}});
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/error.hpp>
#include <flownet2/network.hpp>
#include <flownet2/ops.hpp>
#include <flownet2/runtime.hpp>
#include <flownet2/version.hpp>
