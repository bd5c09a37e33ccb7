# SPDX-License-Identifier: Apache-2.0
# flownet2_find_cuda(RESULT): whether to build for NVIDIA GPUs. FLOWNET2_CUDA: AUTO, where a fitting nvcc is found; ON,
# which fails without one; OFF. A macro, because a language can only be enabled above all of its targets.
include(CheckLanguage)

# Real code for Ampere to Blackwell; 120 carries PTX as well, for what comes after. cp.async and mma.m16n8k16 begin
# with 80.
set(FLOWNET2_CUDA_ARCHITECTURES "80-real;86-real;89-real;90-real;100-real;120" CACHE STRING
    "Architectures of the kernels for GPUs, as CMAKE_CUDA_ARCHITECTURES")
set(FLOWNET2_CUDA_OLDEST 12.8)  # the first that knows 100 and 120

macro(flownet2_find_cuda result)
  set(${result} OFF)
  set(FLOWNET2_CUDA_PROBLEM "")
  if(NOT FLOWNET2_CUDA MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "FLOWNET2_CUDA: expected AUTO, ON or OFF, got '${FLOWNET2_CUDA}'")
  endif()
  if(FLOWNET2_CUDA STREQUAL "OFF")
    set(FLOWNET2_CUDA_PROBLEM "it is off")
  elseif(FLOWNET2_SANITIZE)
    set(FLOWNET2_CUDA_PROBLEM "nvcc knows no sanitizers: leave FLOWNET2_SANITIZE empty")
  else()
    set(CMAKE_CUDA_ARCHITECTURES "${FLOWNET2_CUDA_ARCHITECTURES}")  # before the language, which else picks its own
    check_language(CUDA)
    if(CMAKE_CUDA_COMPILER)
      enable_language(CUDA)
      if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS FLOWNET2_CUDA_OLDEST)
        set(FLOWNET2_CUDA_PROBLEM
            "nvcc ${CMAKE_CUDA_COMPILER_VERSION} is too old: install CUDA ${FLOWNET2_CUDA_OLDEST} or newer")
      else()
        find_package(CUDAToolkit QUIET)
        if(TARGET CUDA::cudart_static)
          set(${result} ON)
        else()
          set(FLOWNET2_CUDA_PROBLEM "nvcc's toolkit has no static runtime (cudart_static): install all of it")
        endif()
      endif()
    else()
      set(FLOWNET2_CUDA_PROBLEM "there is no nvcc that works: install the CUDA toolkit, ${FLOWNET2_CUDA_OLDEST} or "
                                "newer, and put nvcc on PATH or set CUDACXX to it")
      string(CONCAT FLOWNET2_CUDA_PROBLEM ${FLOWNET2_CUDA_PROBLEM})
    endif()
  endif()
  if(FLOWNET2_CUDA STREQUAL "ON" AND NOT ${result})
    message(FATAL_ERROR "FLOWNET2_CUDA=ON: ${FLOWNET2_CUDA_PROBLEM}; or set FLOWNET2_CUDA=OFF")
  elseif(NOT ${result} AND FLOWNET2_CUDA STREQUAL "AUTO")
    message(STATUS "no kernels for NVIDIA GPUs are built: ${FLOWNET2_CUDA_PROBLEM}")
  endif()
endmacro()
