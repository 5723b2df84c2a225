# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What `find_package(Sinter)` finds, in an installed tree and in the build folder:
# the targets that their folders put into the export set `Sinter` under their names
# there, Sinter::compiler and Sinter::runtime, and sinter_add_model.
#
#   sinter_install(TARGET NAME)   -> Sinter::NAME

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(SINTER_PACKAGE_FOLDER "${CMAKE_INSTALL_LIBDIR}/cmake/Sinter")

function(sinter_install target name)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} INSTALL_RPATH_USE_LINK_PATH TRUE)
  install(TARGETS ${target} EXPORT Sinter INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
endfunction()

write_basic_package_version_file("${PROJECT_BINARY_DIR}/SinterConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
foreach(file SinterConfig.cmake SinterModel.cmake)
  configure_file("cmake/${file}" "${PROJECT_BINARY_DIR}/${file}" COPYONLY)
endforeach()
install(FILES cmake/SinterConfig.cmake cmake/SinterModel.cmake "${PROJECT_BINARY_DIR}/SinterConfigVersion.cmake"
        DESTINATION "${SINTER_PACKAGE_FOLDER}")
install(EXPORT Sinter NAMESPACE Sinter:: FILE SinterTargets.cmake DESTINATION "${SINTER_PACKAGE_FOLDER}")
# Knows its targets when all folders have been read.
export(EXPORT Sinter NAMESPACE Sinter:: FILE "${PROJECT_BINARY_DIR}/SinterTargets.cmake")
