// SPDX-License-Identifier: Apache-2.0
#include <flownet2/cuda.hpp>

#include <algorithm>
#include <cstdio>
#include <cuda_runtime.h>
#include <stdexcept>
#include <string>
#include <vector>

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess)
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

// The length of the vector (3, 4) at each of 480 x 640 pixels.
void run() {
  const flownet2::Shape shape = {1, 2, 480, 640}, one = {1, 1, 480, 640};
  const std::size_t pixels = 480 * 640;
  std::vector<float> values(2 * pixels, 3.0f);
  std::fill(values.begin() + pixels, values.end(), 4.0f);
  float *x = nullptr, *norm = nullptr;
  check(cudaMalloc(reinterpret_cast<void**>(&x), 2 * pixels * sizeof(float)), "memory on the GPU");
  check(cudaMalloc(reinterpret_cast<void**>(&norm), pixels * sizeof(float)), "memory on the GPU");
  cudaStream_t stream = nullptr;
  check(cudaStreamCreate(&stream), "a stream");
  check(cudaMemcpyAsync(x, values.data(), 2 * pixels * sizeof(float), cudaMemcpyHostToDevice, stream),
        "copying to the GPU");
  const auto type = flownet2::cuda::Number::float32;
  flownet2::cuda::channel_norm({x, type, shape, flownet2::cuda::planar(shape)},
                               {norm, type, one, flownet2::cuda::planar(one)}, stream);
  check(cudaMemcpyAsync(values.data(), norm, pixels * sizeof(float), cudaMemcpyDeviceToHost, stream),
        "copying from the GPU");
  check(cudaStreamSynchronize(stream), "channel_norm");
  std::printf("length of the last pixel's vector: %.1f\n", values[pixels - 1]);
  cudaStreamDestroy(stream);
  cudaFree(norm);
  cudaFree(x);
}

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
