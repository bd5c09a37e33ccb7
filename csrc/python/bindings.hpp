// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace flownet2::python {

void bind_network(pybind11::module_& m);
void bind_convolution(pybind11::module_& m);
void bind_ops(pybind11::module_& m);
void bind_runtime(pybind11::module_& m);

}  // namespace flownet2::python
