// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace flownet2::python {

/// correlate, correlation_launch.
void bind_cuda_correlation(pybind11::module_& m);

/// channel_norm, resize, warp, gather, epilogue, scatter, pack, link, fusion_link; their errors.
void bind_cuda_kernels(pybind11::module_& m);

/// flow_head, flow_up.
void bind_cuda_flow(pybind11::module_& m);

}  // namespace flownet2::python
