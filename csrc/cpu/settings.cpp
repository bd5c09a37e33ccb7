// SPDX-License-Identifier: Apache-2.0
#include "cpu/settings.hpp"

#include <flownet2/runtime.hpp>

namespace flownet2 {
namespace {

thread_local CallSettings current;

}  // namespace

const CallSettings& call_settings() { return current; }

SettingsScope::SettingsScope(const CallSettings& settings) : before_(current) { current = settings; }

SettingsScope::~SettingsScope() { current = before_; }

int call_threads() { return current.threads != 0 ? current.threads : num_threads(); }

}  // namespace flownet2
