# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The few functions that the CMakeLists.txt of every folder is written in:
#
#   sinter_add_existing(FOLDER...)                   the folders that have a CMakeLists.txt
#   sinter_library(NAME SOURCES .. [DEPS ..] [TABLEGEN ..] [PLAIN])
#   sinter_dialect(NAME DIALECT X.td [OPS Y.td..] [INTERFACES Z.td..])  -> target NAME
#   sinter_passes(NAME Passes.td GROUP X)                                     -> target NAME
#   sinter_tool(NAME SOURCES .. [DEPS ..] [EXCEPTIONS])
#   sinter_unit_test(NAME SOURCES .. [DEPS ..] [PLAIN])   sources lie in test/unit
#   sinter_runtime_library(NAME SOURCES ..)               C11, sees no LLVM
#
# PLAIN: a library that sees no MLIR header (bytes, hashes, files). It builds in
# a second, and sanitizers can build it without LLVM.

function(sinter_add_existing)
  foreach(folder IN LISTS ARGN)
    set(path "${CMAKE_CURRENT_SOURCE_DIR}/${folder}")
    if(EXISTS "${path}/CMakeLists.txt")
      add_subdirectory(${folder})
    elseif(IS_DIRECTORY "${path}")
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    else()
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
  endforeach()
endfunction()

# Includes are written from the root of the repository; generated files lie
# under the same path in the build folder.
function(sinter_common_options target)
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR};${PROJECT_BINARY_DIR}>")
  if(SINTER_SANITIZERS)
    target_compile_options(${target} PRIVATE ${SINTER_SANITIZER_FLAGS})
    target_link_options(${target} PUBLIC "-fsanitize=${SINTER_SANITIZERS}")
  endif()
endfunction()

# LLVM's own choice: type information yes, exceptions no.
function(sinter_llvm_style target)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  target_link_libraries(${target} PRIVATE sinter_mlir)
endfunction()

# One precompiled header for all that sees MLIR. Users of it must have the very
# same flags, which is why they are set in one place, here.
file(WRITE "${PROJECT_BINARY_DIR}/pch/Pch.cpp.in" "// Carries the shared precompiled header.\n")
configure_file("${PROJECT_BINARY_DIR}/pch/Pch.cpp.in" "${PROJECT_BINARY_DIR}/pch/Pch.cpp" COPYONLY)
add_library(sinter_pch OBJECT "${PROJECT_BINARY_DIR}/pch/Pch.cpp")
sinter_common_options(sinter_pch)
sinter_llvm_style(sinter_pch)
target_compile_options(sinter_pch PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
target_precompile_headers(sinter_pch PRIVATE
  <mlir/IR/PatternMatch.h> <mlir/IR/BuiltinOps.h> <mlir/Pass/Pass.h>)
# Not from the cache: it names files of this checkout, which clang looks for.
set_target_properties(sinter_pch PROPERTIES CXX_COMPILER_LAUNCHER "")
set(SINTER_PCH "${PROJECT_BINARY_DIR}/CMakeFiles/sinter_pch.dir/cmake_pch.hxx.pch")
# ccache takes this text for the contents of the header, which name the checkout.
file(CONFIGURE OUTPUT "${SINTER_PCH}.sum"
     CONTENT "${LLVM_PACKAGE_VERSION} ${CMAKE_CXX_FLAGS_RELEASE} PatternMatch BuiltinOps Pass\n")

# CMake's REUSE_FROM would also name the header's text, by a path that ccache
# cannot make relative: no clone could use what another one compiled.
function(sinter_use_pch target)
  target_compile_options(${target} PRIVATE
    "SHELL:-Xclang -fno-pch-timestamp" "SHELL:-include-pch ${SINTER_PCH}")
  get_target_property(sources ${target} SOURCES)
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS "${SINTER_PCH}")
endfunction()

function(sinter_library name)
  cmake_parse_arguments(A "PLAIN" "" "SOURCES;DEPS;TABLEGEN" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  sinter_common_options(${name})
  if(A_PLAIN)
    target_compile_options(${name} PRIVATE -fno-exceptions)
  else()
    sinter_llvm_style(${name})
    target_link_libraries(${name} PUBLIC sinter_mlir)
    sinter_use_pch(${name})
  endif()
  target_link_libraries(${name} PUBLIC ${A_DEPS})
  if(A_TABLEGEN)
    add_dependencies(${name} ${A_TABLEGEN})
  endif()
endfunction()

function(sinter_runtime_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include>"
                                     PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE -ffunction-sections -fdata-sections)
  target_link_libraries(${name} PUBLIC ${A_DEPS} Threads::Threads)
endfunction()

function(sinter_tool name)
  cmake_parse_arguments(A "EXCEPTIONS" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  sinter_common_options(${name})
  if(A_EXCEPTIONS)
    target_link_libraries(${name} PRIVATE sinter_mlir)
  else()
    sinter_llvm_style(${name})
    sinter_use_pch(${name})
  endif()
  target_link_libraries(${name} PRIVATE ${A_DEPS})
endfunction()

# A unit test is registered by the folder it tests, its source lies in test/unit.
function(sinter_unit_test name)
  cmake_parse_arguments(A "PLAIN" "" "SOURCES;DEPS" ${ARGN})
  list(TRANSFORM A_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/test/unit/")
  add_executable(${name} ${A_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin/unit")
  sinter_common_options(${name})
  if(NOT A_PLAIN)
    sinter_llvm_style(${name})
    sinter_use_pch(${name})
  endif()
  target_link_libraries(${name} PRIVATE ${A_DEPS} GTest::gtest GTest::gtest_main)
  if(SINTER_SANITIZERS AND A_PLAIN) # test/san runs it
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_property(GLOBAL APPEND PROPERTY SINTER_UNIT_TESTS ${name})
endfunction()

# Writes the list of unit tests that tools/dev/test runs: a test that was removed
# leaves its binary in an old build folder, and must not be run any more.
function(sinter_finish_tests)
  get_property(tests GLOBAL PROPERTY SINTER_UNIT_TESTS)
  list(JOIN tests "\n" lines)
  file(WRITE "${PROJECT_BINARY_DIR}/unit-tests.txt" "${lines}\n")
  add_custom_target(sinter-unit-tests DEPENDS ${tests})
endfunction()

# sinter_tablegen(OUTPUT TD FLAGS..): one generated file, with a depfile.
function(sinter_tablegen output td)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${output}")
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/${td}")
  add_custom_command(
    OUTPUT "${out}"
    COMMAND mlir-tblgen ${ARGN} -I "${PROJECT_SOURCE_DIR}" -I "${MLIR_INCLUDE_DIRS}"
            "${source}" --write-if-changed -o "${out}" -d "${out}.d"
    DEPENDS "${source}" DEPFILE "${out}.d"
    COMMENT "Tablegen ${output}" VERBATIM)
  set(SINTER_TABLEGEN_OUTPUTS ${SINTER_TABLEGEN_OUTPUTS} "${out}" PARENT_SCOPE)
endfunction()

# XDialect.td gives XDialect.{h,cpp}.inc, XAttrs, XTypes, XEnums (X = the name of
# the file without "Dialect"); every OPS file Y.td gives Y.{h,cpp}.inc.
function(sinter_dialect name)
  cmake_parse_arguments(A "" "DIALECT" "OPS;INTERFACES" ${ARGN})
  string(REGEX REPLACE "Dialect\\.td$" "" x "${A_DIALECT}")
  string(TOLOWER "${x}" mnemonic)
  foreach(kind Dialect Attrs Types Enums)
    set(gen_Dialect dialect -dialect=${mnemonic})
    set(gen_Attrs attrdef -attrdefs-dialect=${mnemonic})
    set(gen_Types typedef -typedefs-dialect=${mnemonic})
    set(gen_Enums enum)
    list(POP_FRONT gen_${kind} generator)
    sinter_tablegen(${x}${kind}.h.inc ${A_DIALECT} -gen-${generator}-decls ${gen_${kind}})
    sinter_tablegen(${x}${kind}.cpp.inc ${A_DIALECT} -gen-${generator}-defs ${gen_${kind}})
  endforeach()
  foreach(td IN LISTS A_OPS)
    string(REGEX REPLACE "\\.td$" "" y "${td}")
    sinter_tablegen(${y}.h.inc ${td} -gen-op-decls)
    sinter_tablegen(${y}.cpp.inc ${td} -gen-op-defs)
  endforeach()
  foreach(td IN LISTS A_INTERFACES)
    string(REGEX REPLACE "\\.td$" "" y "${td}")
    sinter_tablegen(${y}.h.inc ${td} -gen-op-interface-decls)
    sinter_tablegen(${y}.cpp.inc ${td} -gen-op-interface-defs)
  endforeach()
  add_custom_target(${name} DEPENDS ${SINTER_TABLEGEN_OUTPUTS})
endfunction()

# Passes.td gives Passes.h.inc: include it with GEN_PASS_DECL, GEN_PASS_DEF_X or
# GEN_PASS_REGISTRATION defined. GROUP names registerGROUPPasses().
function(sinter_passes name td)
  cmake_parse_arguments(A "" "GROUP" "" ${ARGN})
  sinter_tablegen(Passes.h.inc ${td} -gen-pass-decls -name ${A_GROUP})
  add_custom_target(${name} DEPENDS ${SINTER_TABLEGEN_OUTPUTS})
endfunction()
