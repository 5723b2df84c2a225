// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/SmallArguments.h"

#include <CLI/CLI.hpp>

namespace sinter {

static void addObject(CLI::App *app, Arguments &arguments) {
  app->add_option("OBJECT", arguments.file, "An object of `sinter compile`")
      ->required();
}

void addInspectOptions(CLI::App *inspect, Arguments &arguments) {
  addObject(inspect, arguments);
  inspect->add_flag("--json", arguments.json, "Print JSON");
}

void addRepackOptions(CLI::App *repack, Arguments &arguments) {
  addObject(repack, arguments);
  repack
      ->add_option("--weights", arguments.newModel,
                   "NEW.onnx: the same model with other weights")
      ->required();
  CompileOptions &compile = arguments.compile;
  repack->add_option("-o,--output", compile.outputPath,
                     "Where the object with the new weights goes (default: in "
                     "the place of OBJECT)");
  repack->add_option("--prefix", compile.prefix,
                     "Prefix of the C names (default: from the output)");
  repack->add_option("--schedules", compile.schedules,
                     "FILE of measured schedules, when OBJECT was compiled "
                     "with it");
}

void addExplainOptions(CLI::App *explain, Arguments &arguments) {
  explain
      ->add_option("CODE", arguments.file,
                   "SINTER-I001 or I001 as an error ends with it, or all")
      ->required();
}

void addCacheOptions(CLI::App *cache, Arguments &arguments,
                     std::string &folder) {
  cache->add_option("--cache-dir", folder,
                    "Folder of the kernel cache (default: "
                    "$XDG_CACHE_HOME/sinter/kernels, else "
                    "~/.cache/sinter/kernels)");
  cache->add_flag("--clear", arguments.clear, "Remove all entries");
}

} // namespace sinter
