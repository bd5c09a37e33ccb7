// SPDX-License-Identifier: Apache-2.0
// How one direct convolution is cut into tasks. The cut has no influence on any sum.
#pragma once

#include <cstdint>

#include "ops/convolution.hpp"
#include "ops/direct_packing.hpp"

namespace flownet2 {

/// Rows and columns count the outputs of a phase.
struct DirectTask {
  std::int64_t n0, n1;  // images
  std::int64_t y0, y1;
  std::int64_t x0, x1;
  std::int64_t group0, group1;  // groups of output blocks
};

struct DirectPlan {
  std::int64_t chunk;  // input blocks that are worked through together
  std::int64_t n;
  std::int64_t height, width;
  std::int64_t groups;
  std::int64_t images, rows, columns, groups_per_task;  // of a task

  std::int64_t tasks() const;
  DirectTask task(std::int64_t index) const;
};

DirectPlan plan_direct(const PhaseSteps& steps, const DirectLayout& layout, const MutableBlocked& out,
                       int threads);

}  // namespace flownet2
