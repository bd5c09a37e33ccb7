# SPDX-License-Identifier: Apache-2.0
# flownet2_warnings(TARGET): the warning set of our own sources; errors with FLOWNET2_WERROR.
function(flownet2_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${FLOWNET2_WERROR}>:/WX>)
  else()
    target_compile_options(
      ${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${FLOWNET2_WERROR}>:-Werror>)
  endif()
endfunction()
