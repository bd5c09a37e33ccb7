// SPDX-License-Identifier: Apache-2.0
// The emulator's own tests: what is right passes, each planted mistake is found.
//
//   cuda_selftest         every case that needs no sanitizer
//   cuda_selftest CASE    one launch; those with a mistake are for a sanitizer to report
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "selftest_kernels.cuh"

namespace {

int failures = 0;
const cudaStream_t stream = nullptr;

void check(bool ok, const char* what) {
  std::printf("%-4s %s\n", ok ? "ok" : "FAIL", what);
  failures += !ok;
}

template <class F>
void expect_error(const char* what, const char* text, F launch) {
  std::string got = "no error";
  try {
    launch();
  } catch (const cuh::error& e) {
    got = e.what();
  }
  const bool ok = got.find(text) != std::string::npos;
  check(ok, what);
  if (!ok) std::printf("     %s\n", got.c_str());
}

/// How many of 20 schedules give another output than expected.
template <class F>
int wrong_schedules(const std::vector<float>& expected, F output) {
  int wrong = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    cuh::set_seed(seed);
    wrong += output() != expected;
  }
  cuh::set_seed(1);
  return wrong;
}

std::vector<float> iota(int n) {
  std::vector<float> v;
  for (int i = 0; i < n; ++i) v.push_back(float(i));
  return v;
}
std::vector<float> reverse(int bug) {
  std::vector<float> in = iota(512), out(512, -1.0f);
  CUH_LAUNCH(k_reverse, 4, 128, 0, stream, in.data(), out.data(), bug);
  return out;
}
std::vector<float> ring(int bug) {
  std::vector<float> out(64);
  CUH_LAUNCH(k_ring, 1, 64, 0, stream, out.data(), bug);
  return out;
}
std::vector<float> copies(int bug) {
  std::vector<float> in = iota(8 * 128), out(32);
  CUH_LAUNCH(k_cpasync, 1, 32, 0, stream, in.data(), out.data(), bug);
  return out;
}
void bounds(int bug) {
  std::vector<float> in(32), out(32);
  CUH_LAUNCH(k_oob, 1, 32, 128, stream, in.data(), out.data(), bug);
}
void blocks(int bug) {
  std::vector<float> out(8);
  CUH_LAUNCH(k_blockrace, 8, 1, 0, stream, out.data(), bug);
}

void barriers() {
  std::vector<float> reversed(512), turned(64), summed(32);
  for (int i = 0; i < 512; ++i) reversed[size_t(i)] = float(i / 128 * 128 + 127 - i % 128);
  for (int i = 0; i < 64; ++i) turned[size_t(i)] = float((i + 4) % 64);
  for (int t = 0; t < 32; ++t) {
    for (int i = 0; i < 8; ++i) summed[size_t(t)] += float(i * 128 + (31 - t) * 4);
  }
  check(wrong_schedules(reversed, [] { return reverse(0); }) == 0, "reverse: right for 20 schedules");
  check(wrong_schedules(reversed, [] { return reverse(1); }) == 20,
        "reverse without its barrier: always wrong");
  check(wrong_schedules(turned, [] { return ring(0); }) == 0, "ring: right for 20 schedules");
  check(wrong_schedules(turned, [] { return ring(1); }) == 20,
        "ring without its second barrier: always wrong");
  check(wrong_schedules(summed, [] { return copies(0); }) == 0, "cp.async: right for 20 schedules");
  check(wrong_schedules(summed, [] { return copies(1); }) == 20,
        "cp.async read before its wait: always wrong");
  check(wrong_schedules(summed, [] { return copies(2); }) == 20,
        "cp.async into a stage that others read: always wrong");
}

void divergence() {
  std::vector<float> out(64);
  const auto launch = [&out](int bug) {
    return [&out, bug] { CUH_LAUNCH(k_diverge, 1, 32, 0, stream, out.data(), bug); };
  };
  expect_error("early return before a barrier", "some threads returned before the barrier", launch(1));
  expect_error("two different barriers", "threads wait at different barriers", launch(2));
  expect_error("barrier in a divergent branch", "divergence", launch(3));
  expect_error("shuffle without one of its lanes", "divergence", launch(4));
  expect_error("shuffle from outside the mask", "not in its own mask", launch(5));
  launch(0)();
  check(out[31] == 1, "the same kernel without a mistake passes");
}

void warps() {
  std::vector<int> o(64 * 6);
  CUH_LAUNCH(k_shuffles, 1, 64, 0, stream, o.data());
  unsigned ballot = 0;
  for (int l = 0; l < 32; ++l) ballot |= l % 3 == 0 ? 1u << l : 0u;
  bool ok = true;
  for (int t = 0; t < 64; ++t) {
    const int l = t % 32;
    const int* got = &o[size_t(t) * 6];
    ok = ok && got[0] == 70 && got[1] == (l < 3 ? l : l - 3) &&
         got[2] == (l % 16 + 3 < 16 ? l + 3 : l) && got[3] == (l ^ 5) && unsigned(got[4]) == ballot &&
         got[5] == (l < 8 ? l ^ 1 : 0);
  }
  check(ok, "shuffles and ballots");

  std::vector<__half> a(256), b(128);
  std::vector<float> d(128), expected(128);
  for (int i = 0; i < 256; ++i) a[size_t(i)] = __half(float((i * 37 % 64) - 32) / 8);
  for (int i = 0; i < 128; ++i) b[size_t(i)] = __half(float((i * 29 % 32) - 16) / 4);
  for (size_t i = 0; i < 128; ++i) {
    for (size_t k = 0; k < 16; ++k) expected[i] += float(a[i / 8 * 16 + k]) * float(b[k * 8 + i % 8]);
  }
  CUH_LAUNCH(k_mma, 1, 32, 0, stream, a.data(), b.data(), d.data());
  check(d == expected, "ldmatrix and mma.m16n8k16 equal a plain product");
}

void memory() {
  std::vector<float> o(32);
  CUH_LAUNCH(k_uninit, 1, 32, 0, stream, o.data());
  check(o[30] == 1 && o[31] != o[31], "shared memory that nobody wrote reads as NaN");
  int i = 0;
  float f = 0;
  CUH_LAUNCH(k_atomics, 10, 100, 0, stream, &i, &f);
  check(i == 1000 && f == 500.0f, "atomicAdd");
}

void limits() {
  std::vector<float> out(64);
  const auto launch = [&out](dim3 grid, unsigned threads, size_t shared) {
    return [&out, grid, threads, shared] {
      CUH_LAUNCH(k_blockrace, grid, threads, shared, stream, out.data(), 0);
    };
  };
  expect_error("2048 threads in a block", "block of 2048 threads", launch(1, 2048, 0));
  expect_error("64 KiB of shared memory without the attribute", "cudaFuncSetAttribute",
               launch(1, 32, 65536));
  cudaFuncSetAttribute(k_blockrace, cudaFuncAttributeMaxDynamicSharedMemorySize, 65536);
  launch(1, 32, 65536)();
  expect_error("grid.y over its limit", "out of limits", launch(dim3(1, 70000), 32, 0));
}

/// binary16 against the compiler's: all values to float, two million floats back.
void halves() {
#if defined(__FLT16_MANT_DIG__)
  bool ok = true;
  for (unsigned h = 0; h < 65536; ++h) {
    _Float16 x;
    const uint16_t bits = uint16_t(h);
    std::memcpy(&x, &bits, 2);
    const float mine = cuh::detail::f16_to_f32(bits), theirs = float(x);
    ok = ok && (mine == theirs || (mine != mine && theirs != theirs));
  }
  uint32_t u = 1;
  for (int i = 0; i < 2000000; ++i) {
    u = u * 1664525u + 1013904223u;
    float v = cuh::detail::bits_to_float(u);
    if (i % 2) v = float(int(u >> 8) - (1 << 23)) * 1e-2f / float(1 + i % 4096);
    const _Float16 x = _Float16(v);
    uint16_t theirs;
    std::memcpy(&theirs, &x, 2);
    ok = ok && (v != v || cuh::detail::f32_to_f16(v) == theirs);
  }
  check(ok, "conversions of binary16 equal the compiler's");
#endif
}

const std::map<std::string, std::function<void()>> cases = {
    {"all", [] { barriers(), divergence(), warps(), memory(), limits(), halves(); }},
    {"good", [] { reverse(0), ring(0), copies(0), bounds(0), blocks(0); }},
    {"good_after_failures", [] { divergence(), reverse(0); }},
    {"out_of_bounds_read", [] { bounds(1); }},
    {"out_of_bounds_write", [] { bounds(2); }},
    {"out_of_bounds_shared", [] { bounds(3); }},
    {"out_of_bounds_dynamic", [] { bounds(4); }},
    {"misaligned", [] { bounds(5); }},
    {"race_no_barrier", [] { reverse(1); }},
    {"race_overwrite", [] { ring(1); }},
    {"race_copies", [] { copies(2); }},
    {"race_blocks", [] { blocks(1); }},
    {"race_after_other_blocks", [] { reverse(0), ring(0), reverse(0), reverse(1); }},
    {"race_after_failures", [] { divergence(), reverse(1); }},
};

}  // namespace

int main(int argc, char** argv) {
  const auto chosen = cases.find(argc > 1 ? argv[1] : "all");
  if (chosen == cases.end()) {
    std::printf("no such case: %s\n", argv[1]);
    return 2;
  }
  chosen->second();
  std::printf("%d failures\n", failures);
  return failures != 0;
}
