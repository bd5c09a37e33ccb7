// SPDX-License-Identifier: Apache-2.0
// The order of what is queued on streams.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "cuda/failure.hpp"
#include "python/cuda_tensor.hpp"
#include "python/gil.hpp"

namespace flownet2::python {

/// Makes the launch stream wait for what the producer has queued. No wait on the host: this may be
/// captured.
inline void follow(const std::optional<std::uintptr_t>& producer, std::uintptr_t launch) {
  if (!producer) return;
  const std::uintptr_t from = *producer;
  if (from == launch || (from == 1 && launch == 0))
    return;  // 0 and 1 are both the legacy default stream
  cudaEvent_t event = nullptr;
  cuda::check_cuda("order of streams", cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  cudaError_t error = cudaEventRecord(event, reinterpret_cast<cudaStream_t>(from));
  if (error == cudaSuccess)
    error = cudaStreamWaitEvent(reinterpret_cast<cudaStream_t>(launch), event, 0);
  cudaEventDestroy(event);  // takes effect when the event has happened
  cuda::check_cuda("order of streams", error);
}

/// Without the GIL: what the arrays' streams hold comes first.
template <typename Compute>
void queue(std::initializer_list<const CudaTensor*> tensors, std::uintptr_t launch,
           const Compute& compute) {
  without_gil([&] {
    for (const CudaTensor* tensor : tensors) follow(tensor->stream, launch);
    compute(reinterpret_cast<void*>(launch));  // NOLINT: Python has streams as numbers
  });
}

}  // namespace flownet2::python
