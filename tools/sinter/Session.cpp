// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opening, binding and running through sinter/sinter.h.
#include "tools/sinter/Session.h"

#include "compiler/report/UserError.h"
#include "sinter/image.h"
#include <cstdlib>

using namespace sinter;

llvm::Error Session::fail(const char *doing, const sinter_error &error) const {
  char text[1024] = "";
  sinter_error_text(model, &error, text, sizeof text);
  ErrorCode code = ErrorCode::R001;
  if (error.code == SINTER_E_ISA || error.code == SINTER_E_MEMORY ||
      error.code == SINTER_E_IO)
    code = ErrorCode::O010;
  return userError(code, llvm::Twine(doing) + ": " + text);
}

llvm::Expected<std::unique_ptr<Session>>
Session::open(const std::string &soPath, unsigned threads, uint32_t isaMask) {
  std::unique_ptr<Session> session(new Session());
  sinter_error error{};
  if (sinter_load(soPath.c_str(), nullptr, &session->model, &error) !=
      SINTER_OK)
    return session->fail("the object could not be loaded", error);
  session->info.size = sizeof session->info;
  sinter_info_of(session->model, &session->info);
  if (threads > 1 &&
      sinter_pool_create(threads, 0, &session->pool) != SINTER_OK)
    return userError(ErrorCode::O010, "a pool of " + std::to_string(threads) +
                                          " threads could not be made");
  sinter_open_args args{};
  args.size = sizeof args;
  args.isa_mask = isaMask;
  args.width = threads;
  args.host = threads > 1 ? &session->pool : nullptr;
  if (sinter_program_open(session->model, &args, nullptr, 0, &session->program,
                          &error) != SINTER_OK)
    return session->fail("the model could not be opened", error);
  if (sinter_context_init(session->program, 0, nullptr, 0, nullptr, 0,
                          &session->context, &error) != SINTER_OK)
    return session->fail("no context could be made", error);
  return session;
}

Session::~Session() {
  if (context)
    sinter_context_close(context);
  if (program)
    sinter_program_close(program);
  if (pool.size)
    sinter_pool_destroy(&pool);
  if (model)
    sinter_unload(model);
  free(scratch);
}

static sinter_tensor_info infoOf(const sinter_model *model, uint32_t slot) {
  sinter_tensor_info info{};
  info.size = sizeof info;
  sinter_tensor_info_of(model, slot, &info);
  return info;
}

std::vector<std::string> Session::inputNames() const {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < info.n_inputs; ++i)
    names.push_back(infoOf(model, i).name);
  return names;
}

std::vector<std::string> Session::outputNames() const {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < info.n_outputs; ++i)
    names.push_back(infoOf(model, info.n_inputs + i).name);
  return names;
}

llvm::Error Session::bind(const std::vector<HostTensor> &inputs) {
  for (uint32_t slot = 0; slot < info.n_inputs; ++slot) {
    sinter_tensor_info wanted = infoOf(model, slot);
    const HostTensor *found = nullptr;
    for (const HostTensor &input : inputs)
      if (input.name == wanted.name)
        found = &input;
    if (!found)
      return userError(ErrorCode::R002, llvm::Twine("input '") + wanted.name +
                                            "' (" + dtypeName(wanted.dtype) +
                                            ") was not given");
    if (found->dtype != static_cast<int32_t>(wanted.dtype))
      return userError(ErrorCode::R002, llvm::Twine("input '") + wanted.name +
                                            "' is " + dtypeName(found->dtype) +
                                            ", the model takes " +
                                            dtypeName(wanted.dtype));
    if (found->dims.size() != wanted.rank)
      return userError(ErrorCode::R002, llvm::Twine("input '") + wanted.name +
                                            "' has " +
                                            std::to_string(found->dims.size()) +
                                            " dimensions, the model takes " +
                                            std::to_string(wanted.rank));
    sinter_tensor tensor{};
    tensor.data = const_cast<char *>(found->bytes.data());
    tensor.bytes = found->bytes.size();
    tensor.rank =
        static_cast<uint8_t>(std::min<size_t>(found->dims.size(), 255));
    tensor.dtype = static_cast<uint8_t>(found->dtype);
    for (size_t i = 0; i < found->dims.size() && i < 8; ++i)
      tensor.dim[i] = found->dims[i];
    sinter_error error{};
    error.code = sinter_set(context, slot, &tensor);
    error.arg = slot;
    error.node = error.kernel = error.axis = 0xFFFFFFFFu;
    if (error.code != SINTER_OK)
      return fail(("input '" + found->name + "' (" + dtypeName(found->dtype) +
                   " " + shapeText(found->dims) + ") does not fit")
                      .c_str(),
                  error);
  }
  for (const HostTensor &input : inputs)
    if (!llvm::is_contained(inputNames(), input.name))
      return userError(ErrorCode::U008,
                       "the model has no input '" + input.name + "'");
  return llvm::Error::success();
}

static void *grow(void *self, uint64_t bytes, uint64_t) {
  std::vector<char> &into = *static_cast<std::vector<char> *>(self);
  into.resize(std::max<uint64_t>(bytes, 1));
  return into.data();
}

llvm::Expected<std::vector<HostTensor>>
Session::run(const std::vector<HostTensor> &inputs) {
  if (llvm::Error error = bind(inputs))
    return std::move(error);
  std::vector<HostTensor> outputs(info.n_outputs);
  for (uint32_t i = 0; i < info.n_outputs; ++i)
    sinter_set_alloc(context, info.n_inputs + i, grow, &outputs[i].bytes);
  sinter_error error{};
  sinter_status status = sinter_run(context, &error);
  if (status == SINTER_E_MEMORY && error.expected > 0 &&
      uint64_t(error.expected) > scratchBytes) {
    free(scratch);
    scratchBytes = (error.expected + 63) & ~int64_t(63);
    scratch = aligned_alloc(64, scratchBytes);
    sinter_set_scratch(context, scratch, scratchBytes);
    status = sinter_run(context, &error);
  }
  if (status != SINTER_OK)
    return fail("the run failed", error);
  for (uint32_t i = 0; i < info.n_outputs; ++i) {
    sinter_tensor tensor{};
    sinter_get(context, info.n_inputs + i, &tensor);
    outputs[i].name = infoOf(model, info.n_inputs + i).name;
    outputs[i].dtype = tensor.dtype;
    outputs[i].dims.assign(tensor.dim, tensor.dim + tensor.rank);
    outputs[i].bytes.resize(outputs[i].elements() *
                            sinter_dtype_bytes(tensor.dtype));
    if (tensor.dtype == SINTER_STRING) // they point into the inputs
      setTexts(outputs[i], textsOf(outputs[i]));
  }
  return outputs;
}

llvm::Expected<size_t> Session::profile(const std::vector<HostTensor> &inputs,
                                        std::vector<sinter_sample> &ring) {
  sinter_profile(context, ring.data(), ring.size());
  auto outputs = run(inputs);
  size_t count = std::min<uint64_t>(sinter_profile_count(context), ring.size());
  sinter_profile(context, nullptr, 0);
  if (!outputs)
    return outputs.takeError();
  return count;
}

int64_t Session::Reference::extent(unsigned rank, unsigned axis) const {
  if (axis == 0)
    return 1;
  if (rank < 4 || axis < rank - 2)
    return 128;
  return axis == rank - 2 ? height : width;
}

bool Session::takes(const std::vector<int64_t> &symbols) const {
  sinter_need need{};
  need.size = sizeof need;
  return sinter_need_of(program, 0, symbols.data(), &need, nullptr) ==
         SINTER_OK;
}

// An extent that --shape gives, into the symbol that it is; another extent than
// the model has there, or than --shape gave the symbol elsewhere, is an error.
static llvm::Error takeExtent(const ShapeOption &shape,
                              const sinter_tensor_info &input, unsigned axis,
                              std::vector<int64_t> &symbols) {
  int64_t given = -1;
  if (llvm::StringRef(shape.dims[axis]).getAsInteger(10, given))
    return llvm::Error::success(); // a name
  bool isSymbol = input.symbol[axis] < symbols.size();
  int64_t has = isSymbol ? symbols[input.symbol[axis]] : input.dim[axis];
  if (has >= 0 && has != given)
    return userError(ErrorCode::U011,
                     "--shape gives dimension " + std::to_string(axis) +
                         " of input '" + shape.input + "' as " +
                         std::to_string(given) + "\n  expected " +
                         std::to_string(has) +
                         (isSymbol ? ", as --shape gives it elsewhere" : ""));
  if (isSymbol)
    symbols[input.symbol[axis]] = given;
  return llvm::Error::success();
}

llvm::Error Session::resolveSymbols(const std::vector<ShapeOption> &shapes,
                                    const Reference &reference,
                                    std::vector<int64_t> &symbols) const {
  symbols.assign(info.n_symbols, -1);
  for (const ShapeOption &shape : shapes) {
    if (!llvm::is_contained(inputNames(), shape.input))
      return userError(ErrorCode::U008,
                       "--shape names '" + shape.input +
                           "', which is no input of the model");
    for (uint32_t slot = 0; slot < info.n_inputs; ++slot) {
      sinter_tensor_info input = infoOf(model, slot);
      if (shape.input != input.name)
        continue;
      if (shape.dims.size() != input.rank)
        return userError(ErrorCode::U002,
                         "--shape gives '" + shape.input + "' " +
                             std::to_string(shape.dims.size()) +
                             " dimensions, the model has " +
                             std::to_string(input.rank));
      for (unsigned axis = 0; axis < input.rank; ++axis)
        if (llvm::Error error = takeExtent(shape, input, axis, symbols))
          return error;
    }
  }
  for (uint32_t slot = 0; slot < info.n_inputs; ++slot) {
    sinter_tensor_info input = infoOf(model, slot);
    for (unsigned axis = 0; axis < input.rank; ++axis) {
      if (input.symbol[axis] >= info.n_symbols ||
          symbols[input.symbol[axis]] >= 0)
        continue;
      sinter_symbol_info symbol{};
      symbol.size = sizeof symbol;
      sinter_symbol_info_of(model, input.symbol[axis], &symbol);
      int64_t extent = std::max(
          symbol.min, std::min(symbol.max, reference.extent(input.rank, axis)));
      symbols[input.symbol[axis]] = extent /
                                    std::max<int64_t>(1, symbol.divisor) *
                                    std::max<int64_t>(1, symbol.divisor);
    }
  }
  return llvm::Error::success();
}

static std::vector<llvm::StringRef> knownTexts(const sinter_model *model) {
  std::vector<llvm::StringRef> texts;
  sinter_text text;
  for (uint32_t i = 0; sinter_known_text(model, i, &text) == SINTER_OK; ++i)
    texts.push_back(llvm::StringRef(text.data, text.bytes));
  return texts;
}

llvm::Expected<Session::Reference>
Session::findReference(const std::vector<ShapeOption> &shapes) const {
  // A classifier's picture, a line of text, a detector's picture.
  const Reference references[] = {{224, 224}, {48, 320}, {640, 640}};
  std::vector<int64_t> symbols;
  for (const Reference &candidate : references) {
    if (llvm::Error error = resolveSymbols(shapes, candidate, symbols))
      return std::move(error);
    if (takes(symbols))
      return candidate;
  }
  return references[0];
}

std::pair<int64_t, int64_t> Session::pictureSize() const {
  auto reference = findReference({});
  if (reference)
    return {reference->height, reference->width};
  llvm::consumeError(reference.takeError());
  return {224, 224};
}

llvm::Expected<std::vector<HostTensor>>
Session::randomInputs(uint64_t seed,
                      const std::vector<ShapeOption> &shapes) const {
  auto found = findReference(shapes);
  if (!found)
    return found.takeError();
  Reference reference = *found;
  std::vector<int64_t> symbols;
  if (llvm::Error error = resolveSymbols(shapes, reference, symbols))
    return std::move(error);
  std::vector<HostTensor> inputs;
  for (uint32_t slot = 0; slot < info.n_inputs; ++slot) {
    sinter_tensor_info input = infoOf(model, slot);
    std::vector<int64_t> dims;
    for (unsigned axis = 0; axis < input.rank; ++axis)
      dims.push_back(input.dim[axis] >= 0 ? input.dim[axis]
                     : input.symbol[axis] < info.n_symbols
                         ? symbols[input.symbol[axis]]
                         : reference.extent(input.rank, axis));
    uint64_t elements = 1;
    bool isTooLarge = false;
    for (int64_t dim : dims)
      isTooLarge |= __builtin_mul_overflow(elements, uint64_t(dim), &elements);
    if (isTooLarge || elements > uint64_t(1) << 40)
      return userError(ErrorCode::R002,
                       "input '" + std::string(input.name) + "' of shape " +
                           shapeText(dims) + " is larger than memory",
                       "Give a smaller one with --shape.");
    inputs.push_back(
        input.dtype == SINTER_STRING
            ? randomTexts(input.name, std::move(dims), knownTexts(model), seed)
            : randomTensor(input.name, input.dtype, std::move(dims), seed));
  }
  return inputs;
}
