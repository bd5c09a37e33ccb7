// SPDX-License-Identifier: Apache-2.0
// Running without the GIL, safe also when the interpreter ends meanwhile.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <exception>
#include <thread>

namespace flownet2::python {

/// Takes the GIL back. Before Python 3.14 a daemon thread that does so after the interpreter began to
/// end is made to pthread_exit, which with glibc unwinds the stack: through noexcept destructors
/// (std::terminate) and through references dropped without the GIL. Such a thread is kept asleep here
/// instead, as Python 3.14 does itself.
inline void take_gil(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    // Only the forced unwinding arrives here; leaving this block would end the process.
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

/// Calls compute() without the GIL; what it throws is thrown again with the GIL.
template <typename Compute>
void without_gil(const Compute& compute) {
  std::exception_ptr error;
  PyThreadState* state = PyEval_SaveThread();
  try {
    compute();
  } catch (...) {
    error = std::current_exception();
  }
  take_gil(state);
  if (error) std::rethrow_exception(error);
}

}  // namespace flownet2::python
