// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --http-port=80 and --http-port 80 say the key http.port; a key of one model
// is said by --set. Whether keys exist and values are right is loadConfig's
// question, so that every place is checked by the same code.
#include "runtime/serve/config/Schema.h"

#include <sstream>

namespace sinter::serve {
namespace {

std::string flagOf(std::string key) {
  for (char &c : key)
    if (c == '.')
      c = '-';
  return "--" + key;
}

struct Flag {
  std::string key;
  bool isBoolean = false;
};

std::map<std::string, Flag> allFlags() {
  std::map<std::string, Flag> flags;
  for (const auto &row : serverKeys())
    flags[flagOf(row.key)] = {row.key, row.kind == KeyKind::boolean};
  for (const auto &row : modelKeys())
    flags[flagOf(row.key)] = {row.key, row.kind == KeyKind::boolean};
  return flags;
}

Status unknownFlag(const std::string &flag,
                   const std::map<std::string, Flag> &flags) {
  std::vector<std::string> names = {"--config",  "--set",          "--help",
                                    "--version", "--check-config", "--explain"};
  for (const auto &[name, row] : flags)
    names.push_back(name);
  std::string near = nearestKey(flag, names);
  return {Code::invalid,
          "unknown option '" + flag + "'" +
              (near.empty() ? "; see --help" : "; did you mean " + near + "?")};
}

template <typename Row>
void describe(std::ostringstream &page, const Row &row) {
  std::string left =
      "  " + flagOf(row.key) + " " +
      (row.kind == KeyKind::choice ? row.choices : kindName(row.kind));
  page << left << std::string(left.size() < 40 ? 40 - left.size() : 1, ' ')
       << row.help;
  if (*row.preset)
    page << " (" << row.preset << ")";
  page << "\n";
}

} // namespace

Status parseCommandLine(const std::vector<std::string> &arguments,
                        CommandLine &out) {
  const std::map<std::string, Flag> flags = allFlags();
  const std::map<std::string, bool CommandLine::*> switches = {
      {"--help", &CommandLine::help},
      {"-h", &CommandLine::help},
      {"--version", &CommandLine::version},
      {"--check-config", &CommandLine::checkOnly},
      {"--explain", &CommandLine::explain}};
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (argument.empty() || argument[0] != '-') {
      if (!out.repository.empty())
        return {Code::invalid,
                "found a second repository '" + argument + "', expected one"};
      out.repository = argument;
      continue;
    }
    size_t equals = argument.find('=');
    std::string name = argument.substr(0, equals);
    if (auto found = switches.find(name); found != switches.end()) {
      out.*found->second = true;
      continue;
    }
    auto flag = flags.find(name);
    if (flag == flags.end() && name != "--config" && name != "--set")
      return unknownFlag(name, flags);
    std::string value;
    if (equals != std::string::npos)
      value = argument.substr(equals + 1);
    else if (flag != flags.end() && flag->second.isBoolean)
      value = "true";
    else if (++i < arguments.size())
      value = arguments[i];
    else
      return {Code::invalid, "option " + name + " needs a value"};
    if (name == "--config") {
      out.configFile = value;
    } else if (name == "--set") {
      size_t split = value.find('=');
      if (split == std::string::npos)
        return {Code::invalid,
                "--set: found '" + value + "', expected KEY=VALUE"};
      out.values[value.substr(0, split)] = {value.substr(split + 1), "--set"};
    } else {
      out.values[flag->second.key] = {value, name};
    }
  }
  if (!out.repository.empty())
    out.values["repository"] = {out.repository, "the command line"};
  return {};
}

std::string configHelp() {
  std::ostringstream page;
  page << "usage: sinter-server [options] [REPOSITORY]\n\n"
          "Serves the model inside this file, or the bundles MODEL/VERSION/ of "
          "a repository,\n"
          "by the Open Inference Protocol v2 over HTTP and gRPC.\n\n"
          "  --config FILE                         TOML; keys as below, dots "
          "for tables\n"
          "  --set KEY=VALUE                       any key, also "
          "models.NAME.KEY\n"
          "  --check-config                        say what is wrong with the "
          "configuration, and end\n"
          "  --explain                             print every value and where "
          "it came from, and end\n"
          "  --version, --help\n\nServer:\n";
  for (const auto &row : serverKeys())
    describe(page, row);
  page << "\nModels (all of them; for one, models.NAME.KEY in the file or by "
          "--set):\n";
  for (const auto &row : modelKeys())
    describe(page, row);
  page << "\nInputs (inputs.INPUT.KEY for all models, "
          "models.NAME.inputs.INPUT.KEY; in the file or by --set):\n";
  for (const auto &row : inputKeys())
    page << "  " << row.key << " " << kindName(row.kind) << ": " << row.help
         << "\n";
  page << "\nAn environment variable is a key in capitals behind SINTER_: "
          "SINTER_HTTP_PORT.\n"
          "A flag beats a variable, a variable beats the file. SIGHUP reads "
          "all again.\n";
  return page.str();
}

} // namespace sinter::serve
