# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Compiler, linker, cache and LLVM: everything that must be equal for all targets.

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Always -fPIC: executables share the precompiled header with libraries. Of what is
# deprecated nothing is said: Debian's libstdc++ sorts with what it deprecates itself.
add_compile_options(-fPIC -Wall -Wextra -Wno-unused-parameter -Wno-deprecated-declarations
                    -fdiagnostics-color=always)
add_link_options(-fuse-ld=lld)

# Set by the preset `sanitize` alone. LLVM's libraries and what is linked into
# models (runtime, walker, bitcode of kernels) stay as they are in a release. The
# check of virtual tables is left out: most of them lie in LLVM's libraries.
set(SINTER_SANITIZERS "" CACHE STRING "Sanitizers for the compiler: address,undefined")
set(SINTER_SANITIZER_FLAGS "-fsanitize=${SINTER_SANITIZERS}" -fno-sanitize=vptr
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)

# A link needs about 1 GB and one core; two at once only fight for memory.
set_property(GLOBAL PROPERTY JOB_POOLS compile=2 link=1)
set(CMAKE_JOB_POOL_COMPILE compile)
set(CMAKE_JOB_POOL_LINK link)

# ccache must hit from every clone: paths below the checkout are made relative, the
# current directory is not hashed, times of headers are not looked at, and a text
# stands for the contents of the precompiled header (SinterTargets.cmake).
find_program(SINTER_CCACHE ccache)
if(SINTER_CCACHE)
  set(SINTER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_PCH_EXTSUM=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${SINTER_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SINTER_LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SINTER_LAUNCHER})
endif()

# Debian keeps each LLVM in a prefix of its own; no other place is looked at.
find_program(SINTER_LLVM_CONFIG llvm-config-22 REQUIRED)
execute_process(COMMAND ${SINTER_LLVM_CONFIG} --prefix
                OUTPUT_VARIABLE SINTER_LLVM_PREFIX
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
list(PREPEND CMAKE_PREFIX_PATH "${SINTER_LLVM_PREFIX}")
find_package(MLIR 22.1 REQUIRED CONFIG)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)

# What a source that sees MLIR needs. Only the two shared libraries: a static
# MLIR library beside them would bring a second set of type ids.
add_library(sinter_mlir INTERFACE)
target_include_directories(sinter_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
separate_arguments(SINTER_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
target_compile_options(sinter_mlir INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${SINTER_LLVM_DEFINITIONS}>")
target_link_libraries(sinter_mlir INTERFACE MLIR LLVM)
