// SPDX-License-Identifier: Apache-2.0
// The operators on memory of an NVIDIA GPU: the library flownet2_cuda, CMake's flownet2::cuda.
//
//   float *x, *norm;  // device memory: of cudaMalloc, or of any library that shares the GPU with you
//   const flownet2::Shape from = {1, 3, 480, 640}, to = {1, 1, 480, 640};
//   const auto type = flownet2::cuda::Number::float32;
//   flownet2::cuda::channel_norm({x, type, from, planar(from)}, {norm, type, to, planar(to)}, stream);
//
// The stream is a cudaStream_t, null for the default one. A launcher checks its arguments, queues its
// kernel on the stream of the current device and returns; memory must stay until the kernel is done.
// No header here needs CUDA's. What is wrong with the arguments is a flownet2::Error; what CUDA says to
// the launch, for example that there is no driver, is a std::runtime_error. Errors that come up while
// the kernel runs are told by the next call of CUDA that waits for it, as with every kernel.
#pragma once

#include <flownet2/cuda/channel_norm.hpp>
#include <flownet2/cuda/correlation.hpp>
#include <flownet2/cuda/correlation_args.hpp>
#include <flownet2/cuda/elementwise.hpp>
#include <flownet2/cuda/epilogue.hpp>
#include <flownet2/cuda/flow_head.hpp>
#include <flownet2/cuda/gather.hpp>
#include <flownet2/cuda/link.hpp>
#include <flownet2/cuda/number.hpp>
#include <flownet2/cuda/pack.hpp>
#include <flownet2/cuda/resize.hpp>
#include <flownet2/cuda/tensor.hpp>
#include <flownet2/cuda/warp.hpp>
#include <flownet2/error.hpp>
