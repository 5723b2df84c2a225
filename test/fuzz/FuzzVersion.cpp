// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes what lies beside an object: its manifest, its golden vectors and the
// file of labels. The first byte says which. The object is a good one and loads
// with any manifest; golden vectors are taken whole or refused, and a
// self-test on what was taken ends with a reason or passes. Labels that were
// read are written and read as the same.
#include "codegen/image/ImageBuilder.h"
#include "runtime/serve/engine/Golden.h"
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Simulation.h"
#include "runtime/serve/engine/State.h"
#include "runtime/serve/engine/Version.h"
#include "test/unit/ImageModel.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sinter;
using namespace sinter::serve;

namespace {

void check(const Status &status) {
  if (status.ok() == !status.message.empty())
    std::abort();
}

void copyRows(void *const *b, const int64_t *, int64_t begin, int64_t end,
              sinter_worker *) {
  std::memcpy(static_cast<char *>(b[1]) + 4 * begin,
              static_cast<const char *>(b[0]) + 4 * begin,
              size_t(4 * (end - begin)));
}

// y[N, 4] = x[N, 4].
const sinter_model *identity() {
  static const sinter_kernel kernels[] = {copyRows};
  static const sinter_isa isa = {"fuzz", 0, kernels};
  static const std::vector<uint8_t> image = [] {
    ImageBuilder b;
    Slot n = b.dimSymbol("N", 0, 64, 1, 0, 0), four = b.constant(4);
    b.input("x", SINTER_F32, {n, four});
    b.output("y", SINTER_F32, {n, four});
    Slot items = b.mul(n, four), bytes = b.mul(items, four);
    b.launch(b.kernel("k", 2, 0), {b.in(0, bytes), b.out(0, bytes)}, {},
             {items}, b.node("k", "Identity"));
    std::vector<uint8_t> made;
    std::string error;
    if (!b.finish(made, error))
      std::abort();
    return made;
  }();
  static const sinter_model model = modelOf(image, isa);
  return &model;
}

std::shared_ptr<Version> load(const std::string &manifest) {
  Bundle bundle;
  bundle.linked = identity();
  bundle.manifest = manifest;
  Status status;
  std::shared_ptr<Version> version =
      Version::load("m", 1, std::move(bundle),
                    std::make_shared<const ModelOptions>(), nullptr, status);
  check(status);
  if (!version)
    std::abort();
  return version;
}

void manifest(const std::string &text) {
  std::shared_ptr<Version> version = load(text);
  if (version->batch.most < 1 || version->batch.divisor < 1 ||
      !(version->tolerance >= 0))
    std::abort();
  sampleInputs(*version, {}, version->batch.most);
  CostTable costs;
  PolicyOptions policy;
  check(planOf(text, {}, costs, policy));
}

void golden(const std::string &bytes) {
  static int file = memfd_create("golden", MFD_CLOEXEC);
  if (ftruncate(file, 0) ||
      pwrite(file, bytes.data(), bytes.size(), 0) != ssize_t(bytes.size()))
    return;
  static const std::shared_ptr<Version> version =
      load(R"({"batch": {"independent": true}})");
  std::vector<GoldenCase> cases;
  Status status = readGolden(file, *version, cases);
  check(status);
  if (!status.ok())
    return;
  check(selfTest(version, cases, 1e-4, 1000000000));
  sampleInputs(*version, cases, 3);
}

struct Folder {
  Folder() {
    name = std::filesystem::temp_directory_path() /
           ("sinter-fuzz-" + std::to_string(getpid()));
    if (mkdir(name.c_str(), 0700))
      std::abort();
  }
  ~Folder() { std::filesystem::remove_all(name); }
  std::string name;
};

void labels(const std::string &text) {
  static const Folder made;
  const std::string &folder = made.name;
  std::ofstream(folder + "/state.json", std::ios::binary) << text;
  States states, again;
  Status status = readStates(folder, states);
  check(status);
  if (!status.ok())
    return;
  check(writeStates(folder, states));
  if (!readStates(folder, again).ok() || again.size() != states.size())
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  void (*const parts[])(const std::string &) = {manifest, golden, labels};
  parts[data[0] % 3]({reinterpret_cast<const char *>(data + 1), size - 1});
  return 0;
}
