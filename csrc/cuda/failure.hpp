// SPDX-License-Identifier: Apache-2.0
// What the CUDA runtime reports, as an exception.
#pragma once

#include <stdexcept>
#include <string>

#include "cuda/device.cuh"

namespace flownet2::cuda {

/// No Error of this library: the arguments were good, the device or its driver is not.
inline void check_cuda(const char* what, cudaError_t error) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // forgets it: it must not fail the next launch
  throw std::runtime_error(
      std::string(what) + ": CUDA: " + cudaGetErrorString(error) +
      "; this needs an NVIDIA GPU and its driver, `nvidia-smi` shows what is there");
}

/// After each launch: what the driver said to it. Errors of the kernel itself come later.
inline void check_launch(const char* op) { check_cuda(op, cudaGetLastError()); }

}  // namespace flownet2::cuda
