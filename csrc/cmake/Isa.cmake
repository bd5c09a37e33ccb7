# SPDX-License-Identifier: Apache-2.0
# flownet2_add_isas(TARGET): one source file per instruction set beyond the compiler's default, each with its flags.
# This is the only place that names such flags. csrc/cpu/dispatch.cpp chooses among the files at run time.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

set(FLOWNET2_FLAGS_avx2 -mavx2 -mfma)
set(FLOWNET2_FLAGS_avx512 -mfma -mavx512f -mavx512bw -mavx512vl -mavx512dq)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ warns of its own _mm512_undefined_epi32 (bug 105593).
  list(PREPEND FLOWNET2_FLAGS_avx512 -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
set(FLOWNET2_FLAGS_avx512_bf16 ${FLOWNET2_FLAGS_avx512} -mavx512bf16)
set(FLOWNET2_FLAGS_amx ${FLOWNET2_FLAGS_avx512_bf16} -mamx-tile -mamx-bf16)

check_cxx_source_compiles(
  "#if !defined(__GNUC__) || !defined(__x86_64__)
   #error not x86-64
   #endif
   int main() { return 0; }"
  FLOWNET2_X86_64)

function(flownet2_add_isas target)
  if(NOT FLOWNET2_X86_64)
    return()
  endif()
  foreach(isa avx2 avx512 avx512_bf16 amx)
    list(GET FLOWNET2_FLAGS_${isa} -1 newest_flag)
    check_cxx_compiler_flag(${newest_flag} FLOWNET2_HAS_${isa})  # g++ 9 knows no bfloat16, g++ 10 no AMX
    if(NOT FLOWNET2_HAS_${isa})
      continue()
    endif()
    set(source "${CMAKE_CURRENT_SOURCE_DIR}/cpu/isa_${isa}.cpp")
    target_sources(${target} PRIVATE "${source}")
    set_source_files_properties(
      "${source}" TARGET_DIRECTORY ${target} PROPERTIES COMPILE_OPTIONS "${FLOWNET2_FLAGS_${isa}}")
    string(TOUPPER ${isa} name)
    target_compile_definitions(${target} PRIVATE FLOWNET2_ISA_${name}=1)
  endforeach()
  target_compile_definitions(${target} PRIVATE FLOWNET2_X86_64=1)
endfunction()
