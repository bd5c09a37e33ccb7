// SPDX-License-Identifier: Apache-2.0
// What a call computes with, where that is not the process's choice: a model may have its own threads
// and instruction set.
#pragma once

namespace flownet2 {

struct KernelTable;

struct CallSettings {
  const KernelTable* kernels = nullptr;  // null: as FLOWNET2_ISA or the processor says
  int threads = 0;                       // 0: num_threads()
};

/// Of the calling thread: those of the innermost SettingsScope, or of the call whose task this is.
const CallSettings& call_settings();

/// While it lives, calls from this thread and all their tasks have these settings.
class SettingsScope {
 public:
  explicit SettingsScope(const CallSettings& settings);
  ~SettingsScope();
  SettingsScope(const SettingsScope&) = delete;
  SettingsScope& operator=(const SettingsScope&) = delete;

 private:
  CallSettings before_;
};

/// Threads of a call from here.
int call_threads();

}  // namespace flownet2
