# SPDX-License-Identifier: Apache-2.0
# flownet2_harden(TARGET): stack protector, checked libc calls and read-only relocations, where the tools know them.
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)

if(NOT MSVC)
  check_cxx_compiler_flag(-fstack-protector-strong FLOWNET2_HAS_STACK_PROTECTOR)
  check_linker_flag(CXX "-Wl,-z,relro,-z,now" FLOWNET2_HAS_RELRO)
endif()

function(flownet2_harden target)
  if(FLOWNET2_HAS_STACK_PROTECTOR)
    target_compile_options(${target} PRIVATE -fstack-protector-strong)
  endif()
  # _FORTIFY_SOURCE needs optimisation, and the sanitizers check the same calls better. Distributions preset it.
  if(NOT MSVC AND NOT FLOWNET2_SANITIZE)
    target_compile_options(
      ${target} PRIVATE "$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
  endif()
  if(FLOWNET2_HAS_RELRO)
    target_link_options(${target} PRIVATE "LINKER:-z,relro,-z,now")
  endif()
endfunction()
