# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A model as a target of a build, from find_package(Sinter):
#
#   sinter_add_model(NAME MODEL f.onnx
#     [LINK OBJECT|SHARED|SERVER]   linked (default), loaded, or a server with the model inside
#     [WEIGHTS EMBED|FILE]          inside (default), or NAME.weights beside it
#     [ISA isa..] [SHAPES x=N,64..] [DIMS N=1..8..] [SCHEDULES file]
#     [OPTIONS option..]            others of `sinter compile`, as they are typed
#     [DEPENDS file..])             what the model reads beside f.onnx: its external data
#
# OBJECT and SHARED: what links NAME gets NAME.h, NAME.hpp and the runtime; SHARED
# lies where the target's property SINTER_FILE says and is loaded by the program.
# SERVER: a target that makes SINTER_FILE, and that nothing links.
cmake_policy(VERSION 3.16...3.25)

# One of the words after it, or the first of them where nothing was given.
function(sinter_word variable keyword given)
  if(given STREQUAL "")
    list(GET ARGN 0 given)
  elseif(NOT given IN_LIST ARGN)
    list(JOIN ARGN " or " words)
    message(FATAL_ERROR "sinter_add_model: ${keyword} is '${given}', expected ${words}")
  endif()
  set(${variable} ${given} PARENT_SCOPE)
endfunction()

# A file of the user's, whole: there already, or made by a command of this folder.
function(sinter_file variable keyword given)
  get_filename_component(file "${given}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  get_source_file_property(generated "${file}" GENERATED)
  if(IS_DIRECTORY "${file}" OR NOT (EXISTS "${file}" OR generated))
    message(FATAL_ERROR "sinter_add_model: ${keyword} '${file}' is no file, and no command makes it")
  endif()
  set(${variable} "${file}" PARENT_SCOPE)
endfunction()

function(sinter_add_model name)
  cmake_parse_arguments(PARSE_ARGV 1 A "" "MODEL;LINK;WEIGHTS;SCHEDULES" "ISA;SHAPES;DIMS;OPTIONS;DEPENDS")
  if(A_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sinter_add_model(${name}): '${A_UNPARSED_ARGUMENTS}' is unknown; it takes MODEL LINK "
                        "WEIGHTS ISA SHAPES DIMS SCHEDULES OPTIONS DEPENDS")
  elseif(A_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "sinter_add_model(${name}): nothing stands behind ${A_KEYWORDS_MISSING_VALUES}")
  elseif(NOT name MATCHES "^[A-Za-z][A-Za-z0-9_]*$")
    message(FATAL_ERROR "sinter_add_model(${name}): the name begins those of C functions; "
                        "write it in letters, digits and _")
  elseif(NOT A_MODEL)
    message(FATAL_ERROR "sinter_add_model(${name}): MODEL is missing, the .onnx file")
  endif()
  sinter_word(link LINK "${A_LINK}" OBJECT SHARED SERVER)
  sinter_word(weights WEIGHTS "${A_WEIGHTS}" EMBED FILE)
  if(link STREQUAL SERVER AND weights STREQUAL FILE)
    message(FATAL_ERROR "sinter_add_model(${name}): a server holds its weights; leave out WEIGHTS FILE")
  endif()
  sinter_file(model MODEL "${A_MODEL}")
  set(inputs "${model}")
  foreach(file IN LISTS A_DEPENDS)
    sinter_file(file DEPENDS "${file}")
    list(APPEND inputs "${file}")
  endforeach()

  string(TOLOWER ${weights} weights_word)
  set(options --prefix ${name} --weights ${weights_word})
  if(A_ISA)
    list(JOIN A_ISA "," isas)
    list(APPEND options --isa ${isas})
  endif()
  if(A_SCHEDULES)
    sinter_file(schedules SCHEDULES "${A_SCHEDULES}")
    list(APPEND options --schedules "${schedules}")
    list(APPEND inputs "${schedules}")
  endif()
  foreach(shape IN LISTS A_SHAPES)
    list(APPEND options --shape "${shape}")
  endforeach()
  foreach(dim IN LISTS A_DIMS)
    list(APPEND options --dim "${dim}")
  endforeach()

  set(folder "${CMAKE_CURRENT_BINARY_DIR}/sinter/${name}")
  set(suffix_OBJECT .o)
  set(suffix_SHARED .so)
  set(suffix_SERVER .serve)
  set(file "${folder}/${name}${suffix_${link}}")
  set(outputs "${file}")
  if(NOT link STREQUAL SERVER)
    list(APPEND outputs "${folder}/${name}.h" "${folder}/${name}.hpp")
  endif()
  if(weights STREQUAL FILE)
    list(APPEND outputs "${folder}/${name}.weights")
  endif()
  file(MAKE_DIRECTORY "${folder}") # also the include path
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND "$<TARGET_FILE:Sinter::compiler>" compile "${model}" -o "${file}" ${options} ${A_OPTIONS}
    DEPENDS ${inputs} "$<TARGET_FILE:Sinter::compiler>"
    USES_TERMINAL # each takes all processors: with Ninja, one model at a time
    COMMENT "Compiling the model ${name}" VERBATIM)

  if(link STREQUAL SERVER)
    add_custom_target(${name} ALL DEPENDS ${outputs})
  else()
    set(all)
    if(link STREQUAL SHARED) # no link line names it
      set(all ALL)
    endif()
    add_custom_target(${name}_files ${all} DEPENDS ${outputs})
    add_library(${name} INTERFACE)
    add_dependencies(${name} ${name}_files)
    target_include_directories(${name} INTERFACE "${folder}")
    if(link STREQUAL OBJECT)
      target_link_libraries(${name} INTERFACE "${file}")
    endif()
    target_link_libraries(${name} INTERFACE Sinter::runtime)
  endif()
  set_target_properties(${name} PROPERTIES SINTER_FILE "${file}")
endfunction()
