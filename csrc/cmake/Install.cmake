# SPDX-License-Identifier: Apache-2.0
# Headers, library, CMake package and pkg-config file, relocatable. FLOWNET2_INSTALL_FOLDER: a folder below the prefix that
# holds them all (the Python package's); then the library has no versioned names, because wheels hold no links.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

if(FLOWNET2_INSTALL_FOLDER)
  set(FLOWNET2_INCLUDE_FOLDER "${FLOWNET2_INSTALL_FOLDER}/include")
  set(FLOWNET2_LIBRARY_FOLDER "${FLOWNET2_INSTALL_FOLDER}/lib")
else()
  set(FLOWNET2_INCLUDE_FOLDER "${CMAKE_INSTALL_INCLUDEDIR}")
  set(FLOWNET2_LIBRARY_FOLDER "${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(
    flownet2 PROPERTIES VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
endif()
set(FLOWNET2_CMAKE_FOLDER "${FLOWNET2_LIBRARY_FOLDER}/cmake/flownet2")

install(
  TARGETS flownet2
  EXPORT flownet2-targets
  LIBRARY DESTINATION "${FLOWNET2_LIBRARY_FOLDER}"
  ARCHIVE DESTINATION "${FLOWNET2_LIBRARY_FOLDER}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  INCLUDES DESTINATION "${FLOWNET2_INCLUDE_FOLDER}")
if(NOT TARGET flownet2_cuda)
  set(FLOWNET2_HEADERS_LEFT_OUT PATTERN "cuda*" EXCLUDE)
endif()
install(
  DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/include/flownet2" "${CMAKE_CURRENT_BINARY_DIR}/include/flownet2"
  DESTINATION "${FLOWNET2_INCLUDE_FOLDER}"
  FILES_MATCHING
  PATTERN "*.h"
  PATTERN "*.hpp"
  ${FLOWNET2_HEADERS_LEFT_OUT})

install(EXPORT flownet2-targets NAMESPACE flownet2:: DESTINATION "${FLOWNET2_CMAKE_FOLDER}")
if(TARGET flownet2_cuda)
  get_target_property(FLOWNET2_VERSIONS flownet2 SOVERSION)
  set_target_properties(flownet2_cuda PROPERTIES VERSION "${PROJECT_VERSION}" SOVERSION "${FLOWNET2_VERSIONS}")
  install(
    TARGETS flownet2_cuda
    EXPORT flownet2-cuda-targets
    LIBRARY DESTINATION "${FLOWNET2_LIBRARY_FOLDER}"
    ARCHIVE DESTINATION "${FLOWNET2_LIBRARY_FOLDER}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
    INCLUDES DESTINATION "${FLOWNET2_INCLUDE_FOLDER}")
  install(EXPORT flownet2-cuda-targets NAMESPACE flownet2:: DESTINATION "${FLOWNET2_CMAKE_FOLDER}")
endif()
configure_package_config_file(
  cmake/flownet2-config.cmake.in flownet2-config.cmake
  INSTALL_DESTINATION "${FLOWNET2_CMAKE_FOLDER}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(flownet2-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/flownet2-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/flownet2-config-version.cmake" DESTINATION "${FLOWNET2_CMAKE_FOLDER}")

# The way from the .pc file to the folder above include/ and lib/: one step for each part of the library's folder.
string(REGEX REPLACE "[^/]+" ".." FLOWNET2_PC_UP "${FLOWNET2_LIBRARY_FOLDER}/pkgconfig")
string(REGEX REPLACE "^/" "" FLOWNET2_PC_UP "${FLOWNET2_PC_UP}")
configure_file(cmake/flownet2.pc.in flownet2.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/flownet2.pc" DESTINATION "${FLOWNET2_LIBRARY_FOLDER}/pkgconfig")
