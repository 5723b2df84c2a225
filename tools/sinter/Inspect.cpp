// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter inspect`: the inside of an object as text or JSON: inputs, outputs,
// symbols, instruction sets, sizes, and the program record by record.
#include "tools/sinter/Commands.h"

#include "sinter/model.h"
#include "tools/sinter/Json.h"
#include "tools/sinter/Listing.h"
#include "tools/sinter/Loadable.h"
#include "tools/sinter/Session.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
namespace json = llvm::json;

namespace {

// A verified image with its tables.
class ImageView {
public:
  explicit ImageView(const sinter_model *model)
      : model(model), image(static_cast<const sinter_image *>(model->image)) {}

  template <typename T> llvm::ArrayRef<T> table(sinter_section_id id) const {
    const char *base =
        static_cast<const char *>(model->image) + image->section[id].offset;
    return {reinterpret_cast<const T *>(base), image->section[id].count};
  }
  const char *text(uint32_t at) const {
    return table<char>(SINTER_SEC_STRINGS).data() + at;
  }
  std::string slot(uint32_t index) const;
  json::Value slotValue(uint32_t index) const;

  const sinter_model *model;
  const sinter_image *image;
};

} // namespace

// A slot by its meaning: a symbol's name, a constant's value, or its number.
std::string ImageView::slot(uint32_t index) const {
  auto symbols = table<sinter_image_symbol>(SINTER_SEC_SYMBOLS);
  auto consts = table<int64_t>(SINTER_SEC_CONSTS);
  if (index == SINTER_NONE)
    return "-";
  if (index < symbols.size())
    return text(symbols[index].name);
  if (index - symbols.size() < consts.size())
    return std::to_string(consts[index - symbols.size()]);
  return "s" + std::to_string(index);
}

// For machines: a number where it is one, else its text.
json::Value ImageView::slotValue(uint32_t index) const {
  size_t symbols = table<sinter_image_symbol>(SINTER_SEC_SYMBOLS).size();
  auto consts = table<int64_t>(SINTER_SEC_CONSTS);
  if (index >= symbols && index - symbols < consts.size())
    return consts[index - symbols];
  return json::fixUTF8(slot(index));
}

static const char *const recordNames[] = {
    "launch", "shape", "read", "branch", "jump", "copy", "fill", "tap", "end"};
static const char *const spaceNames[] = {"arena", "weights", "input", "output",
                                         "state"};
static const char *const opNames[] = {
    "add", "sub",   "mul", "floordiv", "ceildiv", "mod",      "min",
    "max", "align", "eq",  "lt",       "select",  "check_eq", "check_range"};

static std::string bufferText(const ImageView &view, uint32_t index) {
  const sinter_image_buffer &buffer =
      view.table<sinter_image_buffer>(SINTER_SEC_BUFFERS)[index];
  std::string text = spaceNames[buffer.space];
  if (buffer.space == SINTER_SPACE_INPUT || buffer.space == SINTER_SPACE_OUTPUT)
    text += std::to_string(buffer.index);
  return text + "[" + view.slot(buffer.offset) + " +" +
         view.slot(buffer.bytes) + "]";
}

static std::string recordText(const ImageView &view,
                              const sinter_image_record &record) {
  std::string text = recordNames[record.kind];
  switch (record.kind) {
  case SINTER_REC_LAUNCH: {
    const sinter_image_kernel &kernel =
        view.table<sinter_image_kernel>(SINTER_SEC_KERNELS)[record.a];
    text += std::string(" ") + view.text(kernel.name) + "(";
    for (uint32_t i = 0; i < kernel.n_buffers; ++i)
      text += (i ? ", " : "") + bufferText(view, record.b + i);
    text += ")";
    auto params = view.table<uint32_t>(SINTER_SEC_PARAMS);
    for (uint32_t i = 0; i < kernel.n_params; ++i)
      text += (i ? ", p" : " p") + std::to_string(i) + "=" +
              view.slot(params[record.c + i]);
    text += " items " + view.slot(record.d);
    break;
  }
  case SINTER_REC_SHAPE:
    text += " ops " + std::to_string(record.a) + " to " +
            std::to_string(record.a + record.b);
    break;
  case SINTER_REC_READ:
    text += " " + view.slot(record.a) + " = " + bufferText(view, record.c) +
            " element " + view.slot(record.b);
    break;
  case SINTER_REC_BRANCH:
    text +=
        " unless " + view.slot(record.a) + " to " + std::to_string(record.b);
    break;
  case SINTER_REC_JUMP:
    text += " to " + std::to_string(record.a);
    break;
  case SINTER_REC_COPY:
    text +=
        " " + bufferText(view, record.a) + " = " + bufferText(view, record.b);
    break;
  case SINTER_REC_FILL:
    text += " " + bufferText(view, record.a) + " with " + view.slot(record.b);
    break;
  default:
    break;
  }
  if (record.flags & SINTER_RECF_NOWAIT)
    text += " nowait";
  if (record.node != SINTER_NONE)
    text +=
        std::string("  # ") +
        view.text(
            view.table<sinter_image_node>(SINTER_SEC_NODES)[record.node].name);
  return text;
}

static std::string opText(const ImageView &view, const sinter_image_op &op) {
  std::string text = op.dst == SINTER_NONE ? "" : view.slot(op.dst) + " = ";
  text += std::string(opNames[op.code]) + " " + view.slot(op.a) + ", " +
          view.slot(op.b);
  if (op.code == SINTER_OP_SELECT || op.code == SINTER_OP_CHECK_RANGE)
    text += ", " + view.slot(op.c);
  return text;
}

static json::Array tensorsOf(const ImageView &view, uint32_t first,
                             uint32_t count) {
  json::Array list;
  auto dims = view.table<uint32_t>(SINTER_SEC_DIMS);
  for (const sinter_image_tensor &tensor :
       view.table<sinter_image_tensor>(SINTER_SEC_TENSORS)
           .slice(first, count)) {
    json::Array shape;
    for (uint32_t i = 0; i < tensor.rank; ++i)
      shape.push_back(view.slotValue(dims[tensor.dims + i]));
    list.push_back(json::Object{{"name", view.text(tensor.name)},
                                {"type", dtypeName(tensor.dtype)},
                                {"shape", std::move(shape)}});
  }
  return list;
}

// Kernels that run as plain code, which only the manifest knows.
static json::Array fallbacksOf(const ImageView &view) {
  llvm::Expected<json::Value> manifest = parseJson(
      llvm::StringRef(view.model->manifest, view.model->manifest_bytes));
  if (!manifest) {
    llvm::consumeError(manifest.takeError());
    return {};
  }
  const json::Object *object = manifest->getAsObject();
  const json::Array *rows = object ? object->getArray("fallbacks") : nullptr;
  return rows ? *rows : json::Array();
}

static json::Object describe(const ImageView &view, uint64_t fileBytes) {
  const sinter_image &image = *view.image;
  json::Array symbols, isas, kernels, records, ops;
  for (const sinter_image_symbol &symbol :
       view.table<sinter_image_symbol>(SINTER_SEC_SYMBOLS))
    symbols.push_back(json::Object{{"name", view.text(symbol.name)},
                                   {"min", symbol.min},
                                   {"max", symbol.max},
                                   {"divisor", symbol.divisor}});
  for (uint32_t i = 0; i < view.model->n_isas; ++i)
    isas.push_back(view.model->isas[i].name);
  for (const sinter_image_kernel &kernel :
       view.table<sinter_image_kernel>(SINTER_SEC_KERNELS))
    kernels.push_back(view.text(kernel.name));
  for (const sinter_image_op &op : view.table<sinter_image_op>(SINTER_SEC_OPS))
    ops.push_back(opText(view, op));
  for (const sinter_image_record &record :
       view.table<sinter_image_record>(SINTER_SEC_RECORDS))
    records.push_back(recordText(view, record));
  json::Value manifest = nullptr;
  if (const char *text = sinter_manifest(view.model)) {
    if (auto parsed = parseJson(text))
      manifest = std::move(*parsed);
    else
      llvm::consumeError(parsed.takeError());
  }
  return json::Object{
      {"manifest", std::move(manifest)},
      {"inputs", tensorsOf(view, 0, image.n_inputs)},
      {"outputs", tensorsOf(view, image.n_inputs, image.n_outputs)},
      {"states",
       tensorsOf(view, image.n_inputs + image.n_outputs, image.n_states)},
      {"symbols", std::move(symbols)},
      {"isas", std::move(isas)},
      {"object_bytes", static_cast<int64_t>(fileBytes)},
      {"image_bytes", static_cast<int64_t>(image.bytes)},
      {"weights_bytes", static_cast<int64_t>(image.weights_bytes)},
      {"state_bytes", static_cast<int64_t>(image.state_bytes)},
      {"arena_bytes", view.slotValue(image.arena_slot)},
      {"kernels", std::move(kernels)},
      {"fallbacks", fallbacksOf(view)},
      {"shape_program", std::move(ops)},
      {"program", std::move(records)}};
}

static void printList(const json::Object &object, const char *key,
                      const char *title) {
  const json::Array *list = object.getArray(key);
  if (!list || list->empty())
    return;
  llvm::outs() << title << "\n";
  for (const json::Value &value : *list) {
    llvm::outs() << "  ";
    if (auto text = value.getAsString())
      llvm::outs() << *text;
    else
      llvm::outs() << value;
    llvm::outs() << "\n";
  }
}

static void printText(const json::Object &object) {
  std::optional<int64_t> arena = object.getInteger("arena_bytes");
  llvm::outs() << "bytes: object " << *object.getInteger("object_bytes")
               << ", weights " << *object.getInteger("weights_bytes")
               << ", image " << *object.getInteger("image_bytes") << ", state "
               << *object.getInteger("state_bytes") << ", arena "
               << (arena ? std::to_string(*arena) : "by the sizes") << "\n";
  printList(object, "isas", "instruction sets, best first");
  if (size_t count = object.getArray("fallbacks")->size())
    llvm::outs() << count << " kernels run as plain code [SINTER-C003]\n";
  printList(object, "fallbacks", "plain code");
  if (const json::Object *manifest = object.getObject("manifest")) {
    printInterface(*manifest);
    printCosts(*manifest);
  }
  printList(object, "states", "states");
  printList(object, "shape_program", "shape program");
  printList(object, "program", "program");
}

static llvm::Error inspect(const Arguments &arguments) {
  TemporaryFolder folder;
  auto loadable = makeLoadable(arguments.file, arguments.compile, folder);
  if (!loadable)
    return loadable.takeError();
  auto model = loadModel(loadable->soPath);
  if (!model)
    return model.takeError();
  json::Object object =
      describe(ImageView(model->get()), loadable->objectBytes);
  if (arguments.json)
    llvm::outs() << llvm::formatv("{0:2}", json::Value(std::move(object)))
                 << "\n";
  else
    printText(object);
  return llvm::Error::success();
}

ExitCode sinter::runInspect(const Arguments &arguments) {
  return printError(arguments.file, inspect(arguments));
}
