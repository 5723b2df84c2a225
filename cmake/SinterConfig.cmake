# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# For find_package(Sinter), installed or in the build folder (SinterPackage.cmake).
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/SinterTargets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/SinterModel.cmake")
