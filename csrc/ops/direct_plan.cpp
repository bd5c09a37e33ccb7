// SPDX-License-Identifier: Apache-2.0
#include "ops/direct_plan.hpp"

#include <algorithm>

#include "ops/rounding.hpp"

namespace flownet2 {
namespace {

// Sizes in bytes, for first-level caches from 32 KiB and second-level caches from 512 KiB on.
constexpr std::int64_t sums_budget = 160 << 10;  // of one task

struct Budgets {
  std::int64_t weights;  // of one chunk and group
  std::int64_t window;   // copied input of one chunk
};
constexpr Budgets for_vectors = {20 << 10, 96 << 10};  // weights stay in the first level
// Tiles read each weight once for 32 pixels, from the second level, which has 2 MiB where there are any.
constexpr Budgets for_tiles = {384 << 10, 512 << 10};
constexpr std::int64_t columns_per_task = 144;
constexpr std::int64_t tasks_per_thread = 6;
constexpr std::int64_t bytes_per_pixel = channel_block * static_cast<std::int64_t>(sizeof(float));

/// Parts of nearly equal size, none larger than `most`: their size.
std::int64_t even_part(std::int64_t size, std::int64_t most) {
  return divide_up(size, divide_up(size, std::max<std::int64_t>(most, 1)));
}

std::int64_t largest_taps(const DirectLayout& layout) {
  std::int64_t taps = 1;
  for (const DirectPhase& phase : layout.phases) taps = std::max(taps, phase.taps());
  return taps;
}

}  // namespace

std::int64_t DirectPlan::tasks() const {
  return divide_up(n, images) * divide_up(height, rows) * divide_up(width, columns) *
         divide_up(groups, groups_per_task);
}

DirectTask DirectPlan::task(std::int64_t index) const {
  // Neighbouring tasks share a window.
  const std::int64_t group = index % divide_up(groups, groups_per_task) * groups_per_task;
  index /= divide_up(groups, groups_per_task);
  const std::int64_t x = index % divide_up(width, columns) * columns;
  index /= divide_up(width, columns);
  const std::int64_t y = index % divide_up(height, rows) * rows;
  const std::int64_t image = index / divide_up(height, rows) * images;
  return {image, std::min(image + images, n),  y,     std::min(y + rows, height),
          x,     std::min(x + columns, width), group, std::min(group + groups_per_task, groups)};
}

DirectPlan plan_direct(const PhaseSteps& steps, const DirectLayout& layout, const MutableBlocked& out,
                       int threads) {
  DirectPlan plan{};
  plan.n = out.n();
  plan.height = divide_up(out.h, steps.out_y);
  plan.width = divide_up(out.w, steps.out_x);
  plan.groups = divide_up(layout.blocks, layout.width);
  const std::int64_t lanes = layout.width * channel_block;
  const Budgets& budgets = layout.tiles ? for_tiles : for_vectors;
  const std::int64_t chunk = budgets.weights / (largest_taps(layout) * lanes * bytes_per_pixel);
  plan.chunk =
      std::clamp<std::int64_t>(chunk, layout.compact ? layout.in_blocks() : 1, layout.in_blocks());
  plan.columns = even_part(plan.width, columns_per_task);

  const std::int64_t phases = static_cast<std::int64_t>(layout.phases.size());
  const std::int64_t sums_per_row = plan.columns * phases * layout.width * bytes_per_pixel;
  const std::int64_t window_per_row =
      plan.columns * steps.in_x * steps.in_y * plan.chunk * bytes_per_pixel;
  const std::int64_t rows = std::min(sums_budget / 2 / sums_per_row, budgets.window / window_per_row);
  plan.rows = even_part(plan.height, rows);
  // Small pictures share a task, which reads its weights once for all of them.
  const bool whole = plan.rows == plan.height && plan.columns == plan.width;
  plan.images = whole ? even_part(plan.n, rows / plan.rows) : 1;
  plan.groups_per_task = even_part(plan.groups, sums_budget / (sums_per_row * plan.rows * plan.images));

  const std::int64_t wanted = threads > 1 ? tasks_per_thread * threads : 1;
  while (plan.tasks() < wanted && plan.groups_per_task > 1) {
    plan.groups_per_task = even_part(plan.groups, plan.groups_per_task - 1);
  }
  while (plan.tasks() < wanted && plan.images > 1) plan.images = even_part(plan.n, plan.images - 1);
  while (plan.tasks() < wanted && plan.rows > 1) plan.rows = even_part(plan.height, plan.rows - 1);
  return plan;
}

}  // namespace flownet2
