# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the server stands on, as interface targets; only runtime/serve uses them,
# but for sinter_crypto:
#
#   sinter_crypto OpenSSL's hashes and signatures
#   sinter_net    Boost.Asio and Beast (headers), TLS, zlib, threads
#   sinter_json   simdjson
#   sinter_log    spdlog and fmt, headers only
#   sinter_toml   toml++, headers only
#   sinter_jwt    libjwt
#   sinter_rpc    gRPC++ and protobuf with all they need, static
#
#   sinter_grpc_library(NAME PROTO X.proto..)   messages and services of X.proto
#
# Archives are named one by one: Debian's CMake files know the shared libraries
# only, and a .serve file must run where nothing of this is installed.

function(sinter_find_archive variable name)
  find_library(SINTER_ARCHIVE_${name} NAMES lib${name}.a REQUIRED)
  set(${variable} ${${variable}} "${SINTER_ARCHIVE_${name}}" PARENT_SCOPE)
endfunction()

find_path(SINTER_BEAST_HEADERS boost/beast.hpp REQUIRED)
find_path(SINTER_TOML_HEADERS toml++/toml.h REQUIRED)
find_path(SINTER_SPDLOG_HEADERS spdlog/spdlog.h REQUIRED)
find_path(SINTER_SIMDJSON_HEADERS simdjson.h REQUIRED)
find_library(SINTER_SIMDJSON NAMES simdjson REQUIRED)
find_library(SINTER_JWT NAMES jwt REQUIRED)
find_program(SINTER_PROTOC protoc REQUIRED)
find_program(SINTER_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

sinter_find_archive(crypto_archive crypto)
add_library(sinter_crypto INTERFACE)
target_link_libraries(sinter_crypto INTERFACE ${crypto_archive} ${CMAKE_DL_LIBS})

foreach(name ssl z)
  sinter_find_archive(net_archives ${name})
endforeach()
add_library(sinter_net INTERFACE)
target_link_libraries(sinter_net INTERFACE ${net_archives} sinter_crypto Threads::Threads)
# One copy of Asio's code a binary, and none of its deprecated names.
target_compile_definitions(sinter_net INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY)

add_library(sinter_json INTERFACE)
target_link_libraries(sinter_json INTERFACE "${SINTER_SIMDJSON}")

add_library(sinter_log INTERFACE)
target_compile_definitions(sinter_log INTERFACE SPDLOG_HEADER_ONLY SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)

# What it frees by recursion must fit on a stack (runtime/serve/config/TomlText.h).
add_library(sinter_toml INTERFACE)
target_compile_definitions(sinter_toml INTERFACE TOML_MAX_NESTED_VALUES=32)

add_library(sinter_jwt INTERFACE)
target_link_libraries(sinter_jwt INTERFACE "${SINTER_JWT}")

foreach(name grpc++ grpc address_sorting upb gpr protobuf cares re2)
  sinter_find_archive(rpc_archives ${name})
endforeach()
get_filename_component(archive_folder "${SINTER_ARCHIVE_grpc}" DIRECTORY)
file(GLOB abseil_archives "${archive_folder}/libabsl_*.a")
add_library(sinter_rpc INTERFACE)
target_link_libraries(sinter_rpc INTERFACE
  -Wl,--start-group ${rpc_archives} ${abseil_archives} -Wl,--end-group sinter_net rt)

function(sinter_grpc_library name)
  cmake_parse_arguments(A "" "" "PROTO" ${ARGN})
  set(generated)
  file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  foreach(proto IN LISTS A_PROTO)
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    set(base "${CMAKE_CURRENT_BINARY_DIR}/${stem}")
    set(outputs "${base}.pb.cc" "${base}.pb.h" "${base}.grpc.pb.cc" "${base}.grpc.pb.h")
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND "${SINTER_PROTOC}" -I "${PROJECT_SOURCE_DIR}" --cpp_out=${PROJECT_BINARY_DIR}
              --grpc_out=${PROJECT_BINARY_DIR} --plugin=protoc-gen-grpc=${SINTER_GRPC_PLUGIN}
              "${folder}/${proto}"
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
      DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${proto}"
      COMMENT "Protobuf ${proto}" VERBATIM)
    list(APPEND generated ${outputs})
  endforeach()
  add_library(${name} STATIC ${generated})
  sinter_common_options(${name})
  # Generated, not ours to tidy.
  target_compile_options(${name} PRIVATE -w)
  target_link_libraries(${name} PUBLIC sinter_rpc)
endfunction()
