// SPDX-License-Identifier: Apache-2.0
// FOR plan_check.py ALONE. NOT A DRIVER: nothing can run on it, and it must never be on a library path.
//
// cuDNN's library of engines is linked to the driver's library, libcuda.so.1, which a machine without a
// GPU does not have. Planning for a device that is only described calls next to nothing of it. Questions
// about devices fail here, loading a kernel gives a handle that means nothing, and to launch one fails.

enum { success = 0, no_device = 100 };

static char nothing[64];

#define FAILS(name) \
  int name(void) { return no_device; }
#define SUCCEEDS(name) \
  int name(void) { return success; }
#define GIVES_A_HANDLE(name) \
  int name(void** handle) {  \
    *handle = nothing;       \
    return success;          \
  }

FAILS(cuInit)
FAILS(cuDriverGetVersion)
FAILS(cuGetProcAddress)
FAILS(cuGetProcAddress_v2)
FAILS(cuDeviceGet)
FAILS(cuDeviceGetCount)
FAILS(cuCtxGetCurrent)
FAILS(cuCtxGetLimit)
FAILS(cuCtxPopCurrent)
FAILS(cuCtxPushCurrent)
FAILS(cuStreamGetCtx)
FAILS(cuLinkCreate)
FAILS(cuLinkAddData)
FAILS(cuLinkComplete)
FAILS(cuLinkDestroy)
FAILS(cuLibraryLoadFromFile)
FAILS(cuOccupancyMaxPotentialClusterSize)
FAILS(cuTensorMapEncodeIm2col)
FAILS(cuTensorMapEncodeTiled)
FAILS(cuLaunchKernel)
FAILS(cuLaunchKernelEx)
FAILS(cuLaunchCooperativeKernel)

SUCCEEDS(cuGetErrorName)
SUCCEEDS(cuGetErrorString)
SUCCEEDS(cuLibraryUnload)
SUCCEEDS(cuModuleUnload)
SUCCEEDS(cuKernelSetAttribute)

GIVES_A_HANDLE(cuLibraryLoadData)
GIVES_A_HANDLE(cuLibraryGetKernel)
GIVES_A_HANDLE(cuKernelGetFunction)
GIVES_A_HANDLE(cuModuleLoadData)
GIVES_A_HANDLE(cuModuleGetFunction)

int cuKernelGetAttribute(int* value) {
  *value = 0;
  return success;
}
