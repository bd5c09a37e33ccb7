// SPDX-License-Identifier: Apache-2.0
#include "cpu/dispatch.hpp"

#include <flownet2/error.hpp>

#include <atomic>
#include <cstdlib>

#include "cpu/features.hpp"
#include "cpu/settings.hpp"

namespace flownet2 {
namespace {

std::vector<const KernelTable*> find_available() {
  std::vector<const KernelTable*> tables = {&scalar_kernels};
  [[maybe_unused]] const CpuFeatures cpu = cpu_features();
#if defined(FLOWNET2_ISA_AVX2)
  if (cpu.avx2) tables.push_back(&avx2_kernels);
#endif
#if defined(FLOWNET2_ISA_AVX512)
  if (cpu.avx512) tables.push_back(&avx512_kernels);
#endif
#if defined(FLOWNET2_ISA_AVX512_BF16)
  if (cpu.avx512_bf16) tables.push_back(&avx512_bf16_kernels);
#endif
#if defined(FLOWNET2_ISA_AMX)
  if (cpu.amx) tables.push_back(&amx_kernels);
#endif
  return tables;
}

const KernelTable* find(const std::string& name) {
  for (const KernelTable* table : available_kernels()) {
    if (name == table->name) return table;
  }
  return nullptr;
}

[[noreturn]] void fail(const std::string& what, const std::string& name) {
  std::string names;
  for (const KernelTable* table : available_kernels()) {
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  throw Error(ErrorCode::invalid_argument,
              what + " must be one of " + names + " on this processor, got '" + name + "'");
}

std::atomic<const KernelTable*> chosen{nullptr};

}  // namespace

const std::vector<const KernelTable*>& available_kernels() {
  static const std::vector<const KernelTable*> tables = find_available();
  return tables;
}

const KernelTable& kernels_named(const std::string& name) {
  const KernelTable* table = find(name);
  if (table == nullptr) fail("isa", name);
  return *table;
}

const KernelTable& process_kernels() {
  const KernelTable* table = chosen;
  if (table != nullptr) return *table;
  const char* forced = std::getenv("FLOWNET2_ISA");
  table = forced == nullptr || *forced == '\0' ? available_kernels().back() : find(forced);
  if (table == nullptr) fail("FLOWNET2_ISA", forced);
  chosen = table;
  return *table;
}

const KernelTable& active_kernels() {
  const KernelTable* table = call_settings().kernels;
  return table != nullptr ? *table : process_kernels();
}

}  // namespace flownet2
