// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/ServingArguments.h"

#include <CLI/CLI.hpp>

namespace sinter {

void addServeOptions(CLI::App *serve) {
  serve->prefix_command();
  serve->set_help_flag();
  serve->footer("sinter serve REPOSITORY [OPTIONS]");
}

void addPackageOutput(CLI::App *package, Arguments &arguments) {
  package
      ->add_option("-o,--output", arguments.compile.outputPath,
                   "A folder that does not exist yet, or OUT.tar")
      ->required();
}

void addPackageOptions(CLI::App *package, Arguments &arguments) {
  package->add_option("--name", arguments.name,
                      "What the model is called (default: from MODEL)");
  package->add_option("--sign", arguments.sign,
                      "Sign with this Ed25519 key (PEM)");
  package->add_option("--deploy", arguments.deploy,
                      "Also write container, Kubernetes, KServe, systemd, "
                      "Grafana and Prometheus files into this folder");
  package->add_flag_callback(
      "--no-golden", [&arguments] { arguments.golden = false; },
      "Leave out the golden vectors of the self-test");
}

void addCtlOptions(CLI::App *ctl, Arguments &arguments) {
  ctl->add_option("--admin", arguments.admin,
                  "Its admin address, HOST:PORT or unix:PATH (default "
                  "127.0.0.1:8002). Where there is an access file, "
                  "SINTER_API_KEY in the environment holds the key");
  ctl->add_option("--timeout", arguments.timeout,
                  "SECONDS to wait for the server (default: 30 for list and "
                  "drain, else 600, as a load takes its time)")
      ->check(CLI::Range(1, 86400));
  ctl->add_flag("--json", arguments.json, "Print JSON");
  ctl->add_option("ACTION", arguments.words,
                  "list | load MODEL | unload MODEL | promote MODEL VERSION | "
                  "rollback MODEL | label MODEL LABEL VERSION | unlabel MODEL "
                  "LABEL | canary MODEL VERSION PERCENT | shadow MODEL VERSION "
                  "PERCENT | drain")
      ->required();
}

} // namespace sinter
