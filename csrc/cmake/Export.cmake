# SPDX-License-Identifier: Apache-2.0
# flownet2_export(TARGET MAP): export only what the version script lists. Hidden visibility alone would still export the
# standard library's templates that are compiled into the target.
include(CheckLinkerFlag)

function(flownet2_export target map)
  check_linker_flag(CXX "-Wl,--version-script=${map}" FLOWNET2_HAS_VERSION_SCRIPT)
  if(FLOWNET2_HAS_VERSION_SCRIPT)
    target_link_options(${target} PRIVATE "LINKER:--version-script=${map}")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${map}")
  endif()
endfunction()
