// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the manifest says that the engine acts on (docs/manifest.md): whether
// rows are independent and along which axis, what batches cost, how exact a
// self-test must be. Rows share a run only where the compiler proved that they
// may. A manifest comes out of a file: a field that is missing or of another
// type is as if it were not there.
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Simulation.h"
#include "runtime/serve/engine/Version.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sinter::serve {
namespace {

using nlohmann::json;

const json &at(const json &object, const char *key) {
  static const json nothing;
  if (!object.is_object())
    return nothing;
  auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

int64_t integer(const json &value, int64_t otherwise) {
  return value.is_number_integer() ? value.get<int64_t>() : otherwise;
}

// Where rows are counted along axis 0, and what has none. False: along another
// axis, which would have to be moved, or the list fits no tensor.
bool readAxes(const json &axes, std::vector<TensorInterface> &list,
              bool mayShare) {
  if (axes.is_null())
    return true;
  if (!axes.is_array() || axes.size() != list.size())
    return false;
  for (size_t i = 0; i < list.size(); ++i) {
    if (axes[i].is_null() && mayShare)
      list[i].shared = true;
    else if (integer(axes[i], -1) != 0)
      return false;
  }
  return true;
}

// Every tensor with rows has `fixed` of them, or an open number.
bool firstDims(const std::vector<TensorInterface> &list, int64_t fixed,
               std::vector<uint32_t> &symbols) {
  for (const TensorInterface &io : list) {
    if (io.shared)
      continue;
    if (io.dims.empty() ||
        (fixed ? io.dims[0] != fixed : io.symbols[0] == 0xFFFFFFFFu))
      return false;
    symbols.push_back(io.symbols[0]);
  }
  return !symbols.empty();
}

} // namespace

static BatchRule batchOf(const json &rule, std::vector<TensorInterface> &inputs,
                         std::vector<TensorInterface> &outputs,
                         const sinter_model *object, uint32_t asked) {
  BatchRule batch;
  const json &independent = at(rule, "independent");
  int64_t fixed = integer(at(rule, "fixed"), 0);
  bool axes = readAxes(at(rule, "inputs"), inputs, true) &&
              readAxes(at(rule, "outputs"), outputs, false);
  std::vector<uint32_t> symbols;
  if (!independent.is_boolean() || !independent.get<bool>() || !axes ||
      fixed < 0 || fixed > (1 << 20) || fixed == 1 ||
      !firstDims(inputs, fixed, symbols) || !firstDims(outputs, fixed, symbols))
    return batch;
  if (fixed) {
    batch.batches = true;
    batch.fixed = batch.most = fixed;
    return batch;
  }
  int64_t most = asked;
  for (uint32_t symbol : symbols) {
    sinter_symbol_info info = {};
    info.size = sizeof info;
    if (sinter_symbol_info_of(object, symbol, &info) || info.divisor > 4096)
      return batch;
    most = std::min(most, info.max);
    batch.divisor = std::max({batch.divisor, info.divisor, int64_t(1)});
  }
  batch.most = std::max(most / batch.divisor * batch.divisor, batch.divisor);
  batch.batches = batch.most > 1;
  return batch;
}

// Pairs of microseconds and how often; read(nanoseconds, how often).
template <typename Read> void readSpread(const json &pairs, Read read) {
  auto isAmount = [](const json &value, double most) {
    return value.is_number() && value.get<double>() > 0 &&
           value.get<double>() <= most;
  };
  for (size_t i = 0; pairs.is_array() && i < pairs.size(); ++i)
    if (const json &pair = pairs[i]; pair.is_array() && pair.size() == 2 &&
                                     isAmount(pair[0], 1e12) &&
                                     isAmount(pair[1], 1e12))
      read(pair[0].get<double>() * 1e3, pair[1].get<double>());
}

// One row a batch size; how many rows the largest has.
static int64_t readCosts(const json &costs, CostTable &out) {
  int64_t largest = 0;
  for (size_t i = 0; costs.is_array() && i < costs.size(); ++i) {
    int64_t rows = integer(at(costs[i], "rows"), 0);
    const json &us = at(costs[i], "us");
    if (rows <= 0 || rows > (1 << 20) || !us.is_number() ||
        !(us.get<double>() > 0) || us.get<double>() > 1e12)
      continue;
    out.estimate(rows, Nanos(us.get<double>() * 1e3));
    largest = std::max(largest, rows);
  }
  return largest;
}

static void readOptions(const ModelOptions &options, PolicyOptions &policy) {
  policy.fixedDelay = Nanos(options.maxDelayUs) * 1000;
  policy.preferred.assign(options.preferredBatch.begin(),
                          options.preferredBatch.end());
  std::sort(policy.preferred.begin(), policy.preferred.end());
}

Status planOf(const std::string &manifest, const ModelOptions &options,
              CostTable &costs, PolicyOptions &policy) {
  json root = json::parse(manifest, nullptr, false);
  int64_t largest = readCosts(at(root, "costs"), costs);
  if (!largest)
    return {Code::invalid, "the manifest holds no costs; compile the model "
                           "again, with --batch for the sizes"};
  readSpread(at(root, "wakes"),
             [&](double ns, double often) { costs.wakes.add(ns, often); });
  for (const json &size : at(root, "costs"))
    if (int64_t rows = integer(at(size, "rows"), 0);
        rows > 0 && rows <= largest)
      readSpread(at(size, "runs"), [&](double ns, double often) {
        costs.observe(rows, false, ns, often);
      });
  const json &independent = at(at(root, "batch"), "independent");
  policy.mayBatch = independent.is_boolean() && independent.get<bool>();
  policy.fixedBatch = std::clamp<int64_t>(
      integer(at(at(root, "batch"), "fixed"), 0), 0, 1 << 20);
  policy.maxBatch = !policy.mayBatch   ? 1
                    : options.maxBatch ? options.maxBatch
                                       : largest;
  readOptions(options, policy);
  return {};
}

Status takeMeasured(const std::string &measured, const std::string &model,
                    std::string &manifest) {
  json root = json::parse(measured, nullptr, false);
  json plan = json::parse(manifest, nullptr, false);
  const json &models = at(root, "models");
  const json *found = nullptr;
  for (size_t i = 0; models.is_array() && i < models.size(); ++i)
    if (const json &name = at(models[i], "name");
        name.is_string() && name.get<std::string>() == model)
      found = &models[i]; // versions ascend
  if (!found)
    return {Code::invalid, "the measured costs name no such model; expected "
                           "what a server shows at /costs.json on its admin "
                           "port after it has answered requests"};
  if (!plan.is_object())
    plan = json::object();
  for (const char *key : {"costs", "wakes"})
    plan[key] = at(*found, key);
  manifest = plan.dump(-1, ' ', false, json::error_handler_t::replace);
  return {};
}

void Version::readManifest() {
  queue.costs = CostTable(wide.isOpen() ? sinter_program_width(wide.get()) : 1);
  json root = json::parse(manifest, nullptr, false);
  int64_t largest = readCosts(at(root, "costs"), queue.costs);
  uint32_t asked = options()->maxBatch ? options()->maxBatch
                                       : uint32_t(largest ? largest : 32);
  batch = batchOf(at(root, "batch"), inputs, outputs, object, asked);
  if (!batch.batches)
    for (TensorInterface &io : inputs)
      io.shared = false;
  const json &allowed = at(at(root, "golden"), "tolerance");
  if (allowed.is_number() && allowed.get<double>() >= 0)
    tolerance = allowed.get<double>();
  PolicyOptions &policy = queue.policy;
  policy.mayBatch = batch.batches;
  policy.maxBatch = batch.most;
  policy.fixedBatch = batch.fixed;
  policy.divisor = batch.divisor;
}

void Version::setOptions(std::shared_ptr<const ModelOptions> next) {
  current.replace(std::make_unique<const OptionsPointer>(std::move(next)));
}

void Version::tuneQueue(const ModelOptions &next) {
  queue.maxJobs = next.maxQueue;
  queue.maxBytes = next.maxQueueBytes;
  readOptions(next, queue.policy);
}

} // namespace sinter::serve
