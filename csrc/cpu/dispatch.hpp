// SPDX-License-Identifier: Apache-2.0
// Which kernel table runs: chosen once per process, the best that the processor has unless FLOWNET2_ISA
// names another; a call may have its own (settings.hpp).
#pragma once

#include <string>
#include <vector>

#include "cpu/kernel_table.hpp"

namespace flownet2 {

/// The tables that this processor can run, from the plainest to the one preferred.
const std::vector<const KernelTable*>& available_kernels();

/// The table of that name; throws Error that lists the available ones.
const KernelTable& kernels_named(const std::string& name);

/// The process's table. Throws Error if FLOWNET2_ISA names none that is available.
const KernelTable& process_kernels();

/// The table of this call: of its settings, else the process's.
const KernelTable& active_kernels();

}  // namespace flownet2
