// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Golden.h"

#include "runtime/npz/Npz.h"
#include "runtime/serve/engine/Compare.h"
#include "runtime/serve/engine/Texts.h"
#include "runtime/serve/engine/Version.h"
#include "sinter/sinter.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <unistd.h>

namespace sinter::serve {
namespace {

// A copy: arrays of a zip lie at any address, and the file is closed behind it.
Tensor tensorOf(const sinter_npz_array &array, const std::string &name) {
  auto bytes = static_cast<const std::byte *>(array.data);
  auto memory =
      std::make_shared<std::vector<std::byte>>(bytes, bytes + array.bytes);
  Tensor t;
  t.name = name;
  t.dtype = array.dtype;
  t.dims.assign(array.dim, array.dim + array.rank);
  t.data = memory->data();
  t.bytes = memory->size();
  t.owner = memory;
  if (t.dtype == SINTER_STRING)
    setWire(memory->data(), t.bytes / sizeof(sinter_text), UINT64_MAX, t);
  return t;
}

bool has(const std::vector<TensorInterface> &list, const std::string &name) {
  return std::any_of(list.begin(), list.end(), [&](const TensorInterface &io) {
    return io.name == name;
  });
}

// "3/input.x" -> case "3", input x. Which list a tensor belongs to is said by
// its prefix: an output may have the name of an input.
struct GoldenName {
  std::string number, name;
  bool isInput = false, isOutput = false;
};

GoldenName splitName(const Version &version, const std::string &full) {
  GoldenName g;
  size_t slash = full.find('/');
  bool numbered = slash != std::string::npos && slash &&
                  full.find_first_not_of("0123456789") == slash;
  std::string rest = numbered ? full.substr(slash + 1) : full;
  g.number = numbered ? full.substr(0, slash) : "";
  if (rest.compare(0, 6, "input.") == 0) {
    g.name = rest.substr(6);
    g.isInput = has(version.inputs, g.name);
  } else if (rest.compare(0, 7, "output.") == 0) {
    g.name = rest.substr(7);
    g.isOutput = has(version.outputs, g.name);
  }
  return g;
}

} // namespace

Status readGolden(int descriptor, const Version &version,
                  std::vector<GoldenCase> &cases) {
  if (descriptor < 0)
    return {};
  auto file =
      std::shared_ptr<sinter_npz>(new sinter_npz(), [](sinter_npz *npz) {
        sinter_npz_free(npz);
        delete npz;
      });
  char error[512] = "";
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  lseek(descriptor, 0, SEEK_SET);
  if (sinter_npz_read(path.c_str(), file.get(), error, sizeof error))
    return {Code::unavailable, std::string("golden.npz: ") + error};
  std::map<std::string, GoldenCase> byNumber;
  for (uint32_t i = 0; i < file->count; ++i) {
    GoldenName g = splitName(version, file->arrays[i].name);
    if (!g.isInput && !g.isOutput)
      return {Code::unavailable,
              "golden.npz: array '" + std::string(file->arrays[i].name) +
                  "' is no input.NAME and no output.NAME of the model"};
    GoldenCase &golden = byNumber[g.number];
    (g.isInput ? golden.inputs : golden.outputs)
        .push_back(tensorOf(file->arrays[i], g.name));
  }
  for (auto &[number, each] : byNumber)
    cases.push_back(std::move(each));
  return {};
}

static Status runCase(const std::shared_ptr<Version> &version,
                      const GoldenCase &golden, Lane &lane, uint64_t runLimit,
                      std::vector<Tensor> &outputs) {
  auto job = std::make_shared<Job>();
  job->request.inputs = golden.inputs;
  if (Status bad = version->check(job->request, job->rows, job->key); !bad.ok())
    return bad;
  Run run;
  run.version = version;
  run.limit = runLimit;
  // More rows than a fixed batch holds are taken in turn.
  int64_t most = version->batch.fixed ? version->batch.fixed : job->rows;
  for (int64_t row = 0; row < job->rows || !row; row += most) {
    run.rows = std::min(most, job->rows - row);
    run.parts.assign(1, Part{job, row, run.rows});
    RunResult result = execute(*version, lane, run);
    if (!result.status.ok())
      return result.status;
    job->pieces.push_back(std::move(result.pieces[0]));
    if (most <= 0)
      break;
  }
  job->join(outputs);
  return {};
}

Status selfTest(const std::shared_ptr<Version> &version,
                const std::vector<GoldenCase> &cases, double tolerance,
                uint64_t runLimit) {
  Lane lane;
  for (const GoldenCase &golden : cases) {
    std::vector<Tensor> outputs;
    if (Status bad = runCase(version, golden, lane, runLimit, outputs);
        !bad.ok())
      return {Code::unavailable, "self-test on golden vectors: " + bad.message};
    for (const Tensor &expected : golden.outputs)
      for (const Tensor &found : outputs)
        if (found.name == expected.name)
          if (std::string wrong = compareTensors(found, expected, tolerance);
              !wrong.empty())
            return {Code::unavailable, "self-test on golden vectors: " + wrong};
  }
  return {};
}

std::vector<Tensor> sampleInputs(const Version &version,
                                 const std::vector<GoldenCase> &cases,
                                 int64_t rows) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < version.inputs.size(); ++i) {
    const TensorInterface &io = version.inputs[i];
    Tensor sample;
    if (!cases.empty())
      for (const Tensor &given : cases[0].inputs)
        if (given.name == io.name)
          sample = given;
    Tensor t;
    t.name = io.name;
    t.dtype = io.dtype;
    t.dims = sample.data ? sample.dims : io.dims;
    if (version.batch.batches && !io.shared)
      t.dims[0] = rows;
    bool isText = io.dtype == SINTER_STRING;
    uint64_t bytes = isText ? sizeof(sinter_text) : io.elementBytes;
    for (int64_t dim : t.dims)
      if (dim < 0 || __builtin_mul_overflow(bytes, uint64_t(dim), &bytes) ||
          bytes > (64u << 20))
        return {};
    if (isText) {
      repeatTexts(sample, bytes / sizeof(sinter_text), t);
      inputs.push_back(std::move(t));
      continue;
    }
    auto memory = std::make_shared<std::vector<std::byte>>(bytes);
    for (uint64_t at = 0; sample.bytes && at < bytes; at += sample.bytes)
      std::memcpy(memory->data() + at, sample.data,
                  std::min<uint64_t>(sample.bytes, bytes - at));
    t.data = memory->data();
    t.bytes = bytes;
    t.owner = memory;
    inputs.push_back(std::move(t));
  }
  return inputs;
}

} // namespace sinter::serve
