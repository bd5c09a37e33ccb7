// SPDX-License-Identifier: Apache-2.0
// The few calls of the CUDA runtime that launchers use. Launches are synchronous here, so events order
// nothing; that a stream was made to wait is counted, for tests.
#pragma once

#include <cstddef>

#include "engine.hpp"

typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum { cudaEventDisableTiming = 2 };

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaPeekAtLastError() { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  ++cuh::detail::E().stats.stream_waits;
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t e) {
  return e == cudaSuccess ? "no error" : "invalid value";
}

template <class F>
cudaError_t cudaFuncSetAttribute(F* function, cudaFuncAttribute, int bytes) {
  cuh::detail::E().set_max_dynamic(reinterpret_cast<const void*>(function), size_t(bytes));
  return cudaSuccess;
}
