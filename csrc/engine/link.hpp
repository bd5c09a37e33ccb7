// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/tensors.hpp"

namespace flownet2 {

/// A link: all nodes on some rows of an image, then on the next. What only the link itself reads stays
/// in the working memory of a thread, that is, in the second-level cache.
void execute_link(const Graph& graph, const Step& step, const Tensors& tensors);

}  // namespace flownet2
