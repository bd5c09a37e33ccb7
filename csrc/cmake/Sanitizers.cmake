# SPDX-License-Identifier: Apache-2.0
# FLOWNET2_SANITIZE applies to every target: mixing sanitized and plain objects hides faults.
if(FLOWNET2_FUZZ AND NOT FLOWNET2_SANITIZE)
  set(FLOWNET2_SANITIZE fuzzer-no-link,address,undefined)
endif()
if(FLOWNET2_SANITIZE)
  if(MSVC)
    message(FATAL_ERROR "FLOWNET2_SANITIZE needs g++ or clang++")
  endif()
  if(FLOWNET2_SANITIZE MATCHES "thread" AND FLOWNET2_SANITIZE MATCHES "address")
    message(FATAL_ERROR "FLOWNET2_SANITIZE: thread and address exclude each other")
  endif()
  add_compile_options(
    -fsanitize=${FLOWNET2_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  if(FLOWNET2_SANITIZE MATCHES "undefined")
    add_compile_options(-fsanitize=float-cast-overflow,float-divide-by-zero)
  endif()
  add_link_options(-fsanitize=${FLOWNET2_SANITIZE})
endif()
