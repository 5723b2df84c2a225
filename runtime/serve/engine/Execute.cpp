// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Execute.h"

#include "runtime/serve/engine/Texts.h"
#include "runtime/serve/engine/Version.h"
#include "sinter/model.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace sinter::serve {

Lane::~Lane() {
  if (scratch)
    munmap(scratch, scratchBytes);
}

bool Lane::grow(uint64_t bytes) {
  if (bytes <= scratchBytes)
    return true;
  if (scratch)
    munmap(scratch, scratchBytes);
  scratchBytes = 0;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  scratch = memory == MAP_FAILED ? nullptr : memory;
  if (scratch)
    scratchBytes = bytes;
  return scratch != nullptr;
}

void Run::begin(sinter_context *running) {
  std::lock_guard<std::mutex> lock(mutex);
  context = running;
  if (stopped)
    sinter_cancel(context);
}

bool Run::end() {
  std::lock_guard<std::mutex> lock(mutex);
  context = nullptr;
  return stopped;
}

void Run::stop() {
  std::lock_guard<std::mutex> lock(mutex);
  // Once: a run that has ended as cancelled has used the mark up, and a second
  // one would end the next run of its context, which is somebody else's.
  if (!stopped && context)
    sinter_cancel(context);
  stopped = true;
}

namespace {

// Memory of one output, asked for when its size is known.
struct OutputMemory {
  std::shared_ptr<std::byte> memory;
  uint64_t limit = 0;

  static void *grow(void *self, uint64_t bytes, uint64_t) {
    auto *output = static_cast<OutputMemory *>(self);
    if (bytes > output->limit)
      return nullptr;
    auto *raw = static_cast<std::byte *>(std::malloc(bytes ? bytes : 1));
    output->memory.reset(raw, std::free);
    return raw;
  }
};

const Tensor &inputOf(const Job &job, const std::string &name) {
  const std::vector<Tensor> &inputs = job.request.inputs;
  return *std::find_if(inputs.begin(), inputs.end(),
                       [&](const Tensor &t) { return t.name == name; });
}

class Execution {
public:
  Execution(Version &version, Lane &lane, Run &run)
      : version(version), lane(lane), run(run),
        program(run.wide ? version.wide : version.narrow) {}

  RunResult operator()() {
    result.started = Clock::now();
    sinter_context *context = program.take(result.status);
    if (!context)
      return finish();
    rows = version.batch.fixed ? version.batch.fixed : run.rows;
    result.padded = version.batch.batches ? rows - run.rows : 0;
    sinter_status status = bind(context);
    result.bound = Clock::now();
    status = status ? status : compute(context);
    result.computed = Clock::now();
    if (status)
      result.status = version.explain(error);
    else
      collect(context);
    // A stop that came too late would hit the next run of this context.
    if (stopped && status != SINTER_E_CANCELLED)
      sinter_context_close(context);
    else
      program.give(context);
    return finish();
  }

private:
  RunResult finish() {
    result.finished = Clock::now();
    return std::move(result);
  }

  sinter_status bind(sinter_context *context) {
    lane.staging.resize(std::max(lane.staging.size(), version.inputs.size()));
    for (uint32_t slot = 0; slot < version.inputs.size(); ++slot) {
      const TensorInterface &io = version.inputs[slot];
      sinter_tensor tensor = place(io, lane.staging[slot]);
      if (sinter_status status = sinter_set(context, slot, &tensor)) {
        error = {status, 0, SINTER_NONE, SINTER_NONE, slot, SINTER_NONE, 0, 0};
        return status;
      }
    }
    memory.resize(version.outputs.size());
    for (uint32_t i = 0; i < memory.size(); ++i) {
      memory[i].limit = run.limit;
      sinter_set_alloc(context, uint32_t(version.inputs.size()) + i,
                       OutputMemory::grow, &memory[i]);
    }
    return SINTER_OK;
  }

  // Where the input lies, or all parts of it behind each other.
  sinter_tensor place(const TensorInterface &io,
                      std::vector<std::byte> &staging) {
    const Tensor &first = inputOf(*run.parts[0].job, io.name);
    sinter_tensor tensor = {};
    tensor.rank = uint8_t(io.dims.size());
    tensor.dtype = io.dtype;
    std::copy(first.dims.begin(), first.dims.end(), tensor.dim);
    if (io.dtype == SINTER_STRING) {
      placeTexts(io, tensor, staging);
      return tensor;
    }
    if (!version.batch.batches || io.shared) {
      tensor.data = const_cast<std::byte *>(first.data);
      tensor.bytes = first.bytes;
      return tensor;
    }
    uint64_t row = io.elementBytes;
    for (size_t axis = 1; axis < first.dims.size(); ++axis)
      row *= uint64_t(first.dims[axis]);
    tensor.dim[0] = rows;
    tensor.bytes = uint64_t(rows) * row;
    if (run.parts.size() == 1 && rows == run.rows) {
      tensor.data = const_cast<std::byte *>(first.data) +
                    uint64_t(run.parts[0].firstRow) * row;
      return tensor;
    }
    if (staging.size() < tensor.bytes)
      staging.resize(tensor.bytes);
    tensor.data = staging.data();
    gather(io.name, row, staging.data());
    return tensor;
  }

  // Records of all parts' texts; they point into the requests.
  void placeTexts(const TensorInterface &io, sinter_tensor &tensor,
                  std::vector<std::byte> &staging) {
    bool rowed = version.batch.batches && !io.shared;
    uint64_t row = 1;
    for (size_t axis = rowed ? 1 : 0; axis < tensor.rank; ++axis)
      row *= uint64_t(tensor.dim[axis]);
    staging.clear();
    if (!rowed)
      appendRecords(inputOf(*run.parts[0].job, io.name), 0, row, staging);
    for (size_t p = 0; rowed && p < run.parts.size(); ++p)
      appendRecords(inputOf(*run.parts[p].job, io.name),
                    uint64_t(run.parts[p].firstRow) * row,
                    uint64_t(run.parts[p].rows) * row, staging);
    uint64_t bytes = row * sizeof(sinter_text), have = staging.size();
    if (rowed) {
      tensor.dim[0] = rows;
      staging.resize(uint64_t(rows) * bytes);
    }
    for (; have && bytes && have < staging.size(); have += bytes)
      std::memcpy(staging.data() + have, staging.data() + have - bytes, bytes);
    tensor.data = staging.data();
    tensor.bytes = staging.size();
  }

  // Padding repeats the last row: values the model takes, whatever they mean.
  void gather(const std::string &name, uint64_t row, std::byte *to) {
    for (const Part &part : run.parts) {
      const Tensor &input = inputOf(*part.job, name);
      if (part.rows && row)
        std::memcpy(to, input.data + uint64_t(part.firstRow) * row,
                    uint64_t(part.rows) * row);
      to += uint64_t(part.rows) * row;
    }
    for (int64_t pad = rows - run.rows; pad > 0 && row; --pad, to += row) {
      if (run.rows)
        std::memcpy(to, to - row, row);
      else
        std::memset(to, 0, row);
    }
  }

  sinter_status compute(sinter_context *context) {
    TimePoint deadline = run.parts[0].job->deadline;
    for (const Part &part : run.parts)
      deadline = std::max(deadline, part.job->deadline);
    auto sinceBoot = std::chrono::duration_cast<std::chrono::nanoseconds>(
        deadline.time_since_epoch());
    sinter_set_deadline(context, deadline == TimePoint::max()
                                     ? 0
                                     : uint64_t(sinceBoot.count()));
    sinter_set_scratch(context, lane.scratch, lane.scratchBytes);
    run.begin(context);
    sinter_status status = attempt(context);
    // Scratch of a new largest shape; once more for what the data decides.
    for (int tries = 0; status == SINTER_E_MEMORY &&
                        error.reason == SINTER_WHY_SCRATCH && tries < 4;
         ++tries) {
      if (uint64_t(error.expected) > run.limit ||
          !lane.grow(uint64_t(error.expected)))
        break;
      sinter_set_scratch(context, lane.scratch, lane.scratchBytes);
      status = attempt(context);
    }
    stopped = run.end();
    if (run.timed) {
      if (!status)
        version.profile->add(lane.samples, sinter_profile_count(context),
                             uint64_t(run.rows));
      sinter_profile(context, nullptr, 0);
    }
    return status;
  }

  sinter_status attempt(sinter_context *context) {
    if (run.timed) {
      lane.samples.resize(OperatorProfile::mostRecords);
      sinter_profile(context, lane.samples.data(),
                     OperatorProfile::mostRecords);
    }
    return sinter_run(context, &error);
  }

  void collect(sinter_context *context) {
    result.pieces.resize(run.parts.size());
    for (size_t p = 0; p < run.parts.size(); ++p) {
      result.pieces[p].firstRow = run.parts[p].firstRow;
      result.pieces[p].rows = run.parts[p].rows;
      result.pieces[p].outputs.reserve(memory.size());
    }
    for (uint32_t i = 0; i < memory.size(); ++i) {
      sinter_tensor tensor = {};
      sinter_get(context, uint32_t(version.inputs.size()) + i, &tensor);
      split(version.outputs[i], tensor, memory[i].memory);
    }
  }

  void split(const TensorInterface &io, const sinter_tensor &tensor,
             const std::shared_ptr<std::byte> &owner) {
    const std::byte *at = owner.get();
    uint64_t row = version.batch.batches && rows ? tensor.bytes / uint64_t(rows)
                                                 : tensor.bytes;
    for (size_t p = 0; p < run.parts.size(); ++p) {
      Tensor out;
      out.name = io.name;
      out.dtype = io.dtype;
      out.dims.assign(tensor.dim, tensor.dim + tensor.rank);
      out.data = at;
      out.bytes = row;
      if (version.batch.batches) {
        out.dims[0] = run.parts[p].rows;
        out.bytes = row * uint64_t(run.parts[p].rows);
      }
      out.owner = owner;
      at += out.bytes;
      if (io.dtype == SINTER_STRING &&
          !setWire(out.data, out.bytes / sizeof(sinter_text), run.limit, out))
        result.status = {Code::invalid,
                         "output '" + io.name + "' would hold more than " +
                             std::to_string(run.limit) +
                             " bytes of texts, which is the limit of a run"};
      result.pieces[p].outputs.push_back(std::move(out));
    }
  }

  Version &version;
  Lane &lane;
  Run &run;
  Program &program;
  int64_t rows = 0;
  bool stopped = false;
  sinter_error error = {};
  std::vector<OutputMemory> memory;
  RunResult result;
};

} // namespace

RunResult execute(Version &version, Lane &lane, Run &run) {
  return Execution(version, lane, run)();
}

} // namespace sinter::serve
