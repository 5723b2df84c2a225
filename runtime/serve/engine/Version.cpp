// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Version.h"

#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/engine/Options.h"

#include <sys/stat.h>

namespace sinter::serve {

std::string shapeText(const std::vector<int64_t> &dims) {
  std::string text;
  for (int64_t dim : dims)
    text += (text.empty() ? "" : "x") +
            (dim < 0 ? std::string("?") : std::to_string(dim));
  return text.empty() ? "scalar" : text;
}

// ---- Programs

void Program::close() {
  for (sinter_context *context : idle)
    sinter_context_close(context);
  idle.clear();
  sinter_program_close(program);
  program = nullptr;
}

static Status failure(const sinter_model *model, const sinter_error &error,
                      const std::string &what) {
  char text[1024];
  sinter_error_text(model, &error, text, sizeof text);
  return {Code::unavailable, what + ": " + text,
          error.code == SINTER_E_MEMORY ? 1000u : 0};
}

Status Program::open(const sinter_model *model, const Bundle &bundle,
                     uint32_t width, const sinter_host *pool) {
  sinter_open_args args = {};
  args.size = sizeof args;
  args.width = width;
  args.host = width > 1 ? pool : nullptr;
  args.weights_path = bundle.weights.empty() ? nullptr : bundle.weights.c_str();
  if (bundle.mapped.isThere()) {
    if (!bundle.mapped.belongTo(model))
      return {Code::invalid, "model.weights is of another model or version "
                             "than model.so; write the bundle again"};
    args.weights = bundle.mapped.data();
    args.weights_bytes = bundle.mapped.bytes();
  }
  sinter_error error = {};
  if (sinter_program_open(model, &args, nullptr, 0, &program, &error))
    return failure(model, error, "cannot open the model on this machine");
  return {};
}

sinter_context *Program::take(Status &status) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!idle.empty()) {
      sinter_context *context = idle.back();
      idle.pop_back();
      return context;
    }
  }
  sinter_context *context = nullptr;
  sinter_error error = {};
  if (sinter_context_init(program, 0, nullptr, 0, nullptr, 0, &context,
                          &error)) {
    status = failure(nullptr, error, "cannot make a context");
    return nullptr;
  }
  return context;
}

void Program::give(sinter_context *context) {
  std::lock_guard<std::mutex> lock(mutex);
  idle.push_back(context);
}

// ---- Loading

std::unique_ptr<Version>
Version::load(const std::string &model, uint64_t number, Bundle &&bundle,
              std::shared_ptr<const ModelOptions> options,
              const sinter_host *pool, Status &status) {
  std::unique_ptr<Version> v(new Version);
  v->modelName = model;
  v->version = number;
  v->versionText = std::to_string(number);
  v->bundle = std::move(bundle);
  v->setOptions(std::move(options));
  sinter_error error = {};
  if (v->bundle.linked) {
    v->object = v->bundle.linked;
  } else {
    // The descriptor stays open while the object is mapped: the loader knows
    // objects by this path, and a number used twice would give it the old one.
    std::string path = "/proc/self/fd/" + std::to_string(v->bundle.object);
    if (sinter_load(path.c_str(), nullptr, &v->object, &error)) {
      status = failure(nullptr, error,
                       "model '" + model + "' version " + v->versionText);
      return nullptr;
    }
    v->loaded = true;
    struct stat info;
    if (!fstat(v->bundle.object, &info))
      v->objectBytes = uint64_t(info.st_size) + v->bundle.mapped.bytes();
  }
  if (v->bundle.bytes)
    v->objectBytes = v->bundle.bytes;
  status = v->narrow.open(v->object, v->bundle, 1, nullptr);
  if (status.ok() && pool && pool->width > 1)
    status = v->wide.open(v->object, v->bundle, pool->width, pool);
  if (status.ok())
    status = v->readInterface();
  if (status.ok())
    return v;
  status.message =
      "model '" + model + "' version " + v->versionText + ": " + status.message;
  return nullptr;
}

Version::~Version() {
  narrow.close();
  wide.close();
  if (loaded)
    sinter_unload(object);
}

ModelProfile Version::readProfile() const {
  ModelProfile out;
  out.name = modelName;
  out.version = versionText;
  profile->read(object, out);
  return out;
}

Status Version::readInterface() {
  sinter_info info = {};
  info.size = sizeof info;
  if (sinter_info_of(object, &info))
    return {Code::unavailable,
            "its descriptor cannot be read; compile it again"};
  for (uint32_t slot = 0; slot < info.n_inputs + info.n_outputs; ++slot) {
    sinter_tensor_info tensor = {};
    tensor.size = sizeof tensor;
    if (sinter_tensor_info_of(object, slot, &tensor))
      return {Code::unavailable,
              "its interface cannot be read; compile it again"};
    TensorInterface io;
    io.name = tensor.name;
    io.dtype = uint8_t(tensor.dtype);
    io.elementBytes = sinter::serve::elementBytes(uint8_t(tensor.dtype));
    io.dims.assign(tensor.dim, tensor.dim + tensor.rank);
    io.symbols.assign(tensor.symbol, tensor.symbol + tensor.rank);
    (tensor.is_output ? outputs : inputs).push_back(std::move(io));
  }
  const char *text = sinter_manifest(object);
  manifest = !bundle.manifest.empty() ? bundle.manifest : text ? text : "{}";
  readManifest();
  tuneQueue(*options());
  return checkRules(*options());
}

ModelDescription Version::describe() const {
  ModelDescription d;
  d.name = modelName;
  d.version = versionText;
  auto copy = [&](const std::vector<TensorInterface> &from,
                  std::vector<TensorDescription> &to) {
    for (const TensorInterface &io : from) {
      to.push_back({io.name, io.dtype, io.dims});
      if (batch.fixed)
        to.back().dims[0] = -1;
    }
  };
  copy(inputs, d.inputs);
  copy(outputs, d.outputs);
  d.batchDim = batch.batches ? 0 : -1;
  d.maxBatch = batch.batches ? batch.most : 0;
  d.manifest = manifest;
  return d;
}

} // namespace sinter::serve
