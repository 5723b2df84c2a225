// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of the file. Raw bytes are borrowed from the mapping; the typed
// fields are decoded (varints are no memory layout). Small ones become dense
// attributes, large ones a key into the weight store, splats stay splats at any
// size.
#include "compiler/import/ModelImporter.h"
#include "compiler/import/Texts.h"
#include "compiler/import/Values.h"
#include "compiler/import/WireReader.h"
#include "dialects/graph/GraphOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace sinter::importer {

Type ModelImporter::elementType(onnx::DataType type) {
  return typeOf(context, type);
}

/// The bytes of one packed field as elements of `width` bytes each.
static void decodeVarints(const onnx::Texts &chunks, unsigned width,
                          std::vector<char> &out, std::string &problem) {
  for (onnx::Text chunk : chunks) {
    onnx::WireReader reader(chunk);
    uint64_t value;
    while (!reader.atEnd() && reader.varint(value)) {
      size_t at = out.size();
      out.resize(at + width);
      std::memcpy(out.data() + at, &value, width);
    }
    if (reader.failed())
      problem = "its data are cut off";
  }
}

static void appendFixed(const onnx::Texts &chunks, std::vector<char> &out) {
  for (onnx::Text chunk : chunks)
    out.insert(out.end(), chunk.begin(), chunk.end());
}

/// The typed field that holds elements of this type; handles of texts.
static std::vector<char> decodeTyped(ModelImporter &model,
                                     const onnx::Tensor &tensor, unsigned bits,
                                     std::string &problem) {
  std::vector<char> bytes;
  switch (tensor.type) {
  case onnx::DataType::String:
    for (onnx::Text text : tensor.strings) {
      int64_t handle = handleOf(model, text);
      bytes.insert(bytes.end(), reinterpret_cast<char *>(&handle),
                   reinterpret_cast<char *>(&handle + 1));
    }
    break;
  case onnx::DataType::Float:
  case onnx::DataType::Complex64:
    appendFixed(tensor.floats, bytes);
    break;
  case onnx::DataType::Double:
  case onnx::DataType::Complex128:
    appendFixed(tensor.doubles, bytes);
    break;
  case onnx::DataType::Int64:
    decodeVarints(tensor.ints64, 8, bytes, problem);
    break;
  case onnx::DataType::Uint32:
  case onnx::DataType::Uint64:
    decodeVarints(tensor.uints64, bits / 8, bytes, problem);
    break;
  default: // sub-byte elements lie packed in bytes
    decodeVarints(tensor.ints32, std::max(bits / 8, 1u), bytes, problem);
  }
  return bytes;
}

/// Confines a data file to the folder of the model, twice: by the text of the
/// path and by where links really lead.
static bool isConfined(StringRef folder, StringRef location,
                       SmallString<256> &path, std::string &problem) {
  namespace fs = llvm::sys::fs;
  SmallString<256> realFolder, realPath;
  path = folder.empty() ? "." : folder;
  fs::real_path(path, realFolder);
  llvm::sys::path::append(path, location);
  bool hasParent =
      llvm::is_contained(llvm::make_range(llvm::sys::path::begin(location),
                                          llvm::sys::path::end(location)),
                         "..");
  if (location.empty() || llvm::sys::path::is_absolute(location) || hasParent ||
      location.contains('\0')) {
    problem = "its external location '" + location.str() +
              "' is not inside the folder of the model";
    return false;
  }
  if (fs::real_path(path, realPath))
    return true; // there is no such file, which opening it will say
  if (realFolder != "/")
    realFolder += "/";
  if (realPath.str().starts_with(realFolder))
    return true;
  problem = "its external file '" + location.str() +
            "' leads outside the folder of the model";
  return false;
}

std::optional<ArrayRef<char>>
ModelImporter::externalBytes(const onnx::Tensor &tensor, std::string &problem) {
  std::string location;
  uint64_t offset = 0, length = UINT64_MAX;
  for (auto [key, value] : tensor.external) {
    if (key == "location")
      location = std::string(value);
    uint64_t *number = key == "offset"   ? &offset
                       : key == "length" ? &length
                                         : nullptr;
    if (number &&
        StringRef(value.data(), value.size()).getAsInteger(10, *number)) {
      problem = "its external " + std::string(key) + " is not a number";
      return std::nullopt;
    }
  }
  SmallString<256> path;
  if (!isConfined(folder, location, path, problem))
    return std::nullopt;
  std::shared_ptr<onnx::MappedFile> &file = dataFiles[location];
  if (!file) {
    std::string reason;
    file = onnx::MappedFile::open(std::string(path), reason);
    if (!file) {
      problem =
          "its external file '" + location + "' cannot be read: " + reason;
      return std::nullopt;
    }
    weights->keepMapped(file, {file->bytes().data(), file->bytes().size()});
  }
  std::string_view all = file->bytes();
  if (offset > all.size() ||
      (length != UINT64_MAX && length > all.size() - offset)) {
    problem = "its external file '" + location + "' has " +
              std::to_string(all.size()) + " bytes, too few for offset " +
              std::to_string(offset) + " and length " +
              (length == UINT64_MAX ? "to the end" : std::to_string(length));
    return std::nullopt;
  }
  std::string_view part = all.substr(offset, length);
  return ArrayRef<char>(part.data(), part.size());
}

bool ModelImporter::tensorBytes(const onnx::Tensor &tensor, Type element,
                                uint64_t count, ArrayRef<char> &bytes,
                                std::string &problem, bool &isExternal) {
  unsigned bits = bitsOf(element);
  uint64_t expected = llvm::divideCeil(count * bits, 8);
  isExternal = tensor.isExternal;
  bool isRaw = tensor.isExternal || tensor.raw;
  if (tensor.type == onnx::DataType::String && isRaw) {
    problem = "its texts are stored as raw bytes";
    return false;
  }
  if (tensor.isExternal) {
    std::optional<ArrayRef<char>> found = externalBytes(tensor, problem);
    if (!found)
      return false;
    bytes = *found;
    // Without a length the tensor takes what it needs.
    bool hasLength = llvm::any_of(tensor.external,
                                  [](auto &p) { return p.first == "length"; });
    if (!hasLength && bytes.size() >= expected)
      bytes = bytes.take_front(expected);
  } else if (tensor.raw) {
    bytes = ArrayRef<char>(tensor.raw->data(), tensor.raw->size());
  } else if (bytes.empty()) {
    std::vector<char> decoded = decodeTyped(*this, tensor, bits, problem);
    auto owner = std::make_shared<std::vector<char>>(std::move(decoded));
    weights->keepAlive(owner);
    bytes = *owner;
  }
  if (problem.empty() && bytes.size() != expected)
    problem = tensor.type == onnx::DataType::String
                  ? "it has " + std::to_string(bytes.size() / 8) + " texts"
                  : "it has " + std::to_string(bytes.size()) + " bytes of data";
  return problem.empty();
}

std::optional<TensorValue> ModelImporter::constantOf(const onnx::Tensor &tensor,
                                                     StringRef name,
                                                     StringRef node,
                                                     StringRef op) {
  auto refuse = [&](ErrorCode code, std::string message,
                    std::string expected = "", std::string remedy = "") {
    faults.add({code, node.str(), op.str(),
                "tensor '" + name.str() + "': " + message, expected, remedy});
    return std::nullopt;
  };
  Type element = elementType(tensor.type);
  if (!element)
    return refuse(ErrorCode::I011,
                  "its element type is " + onnx::typeName(int32_t(tensor.type)),
                  "a tensor of numbers, bools or strings");
  if (tensor.isSegment)
    return refuse(ErrorCode::I011, "it is stored in segments");
  if (tensor.dims.size() > 32)
    return refuse(ErrorCode::I011,
                  "it has rank " + std::to_string(tensor.dims.size()));
  uint64_t count = 1;
  bool isTooLarge = false, isEmpty = llvm::is_contained(tensor.dims, 0);
  for (int64_t extent : tensor.dims) {
    if (extent < 0)
      return refuse(ErrorCode::I011,
                    "it has a dimension of " + std::to_string(extent));
    isTooLarge |= __builtin_mul_overflow(count, uint64_t(extent), &count) ||
                  count > (1ull << 48);
  }
  if (isTooLarge && !isEmpty)
    return refuse(ErrorCode::I011, "its shape has too many elements");
  count = isEmpty ? 0 : count;
  std::string problem;
  bool isExternal = false;
  ArrayRef<char> bytes;
  if (!tensorBytes(tensor, element, count, bytes, problem, isExternal)) {
    bool isLength = StringRef(problem).starts_with("it has");
    return refuse(
        isExternal && !isLength ? ErrorCode::I012 : ErrorCode::I011, problem,
        isLength && isText(element) ? std::to_string(count) + " for its shape"
        : isLength
            ? std::to_string(llvm::divideCeil(count * bitsOf(element), 8)) +
                  " bytes for its shape and type"
            : "");
  }
  TensorValue value;
  value.type = RankedTensorType::get(tensor.dims, element);
  value.bytes = bytes;
  value.isConstant = true;
  value.name = name.str();
  value.known = knownContents(context, value.type, bytes);
  return value;
}

TensorValue ModelImporter::constantOf(RankedTensorType type,
                                      std::vector<char> bytes, StringRef name) {
  auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
  weights->keepAlive(owner);
  TensorValue value;
  value.type = type;
  value.bytes = *owner;
  value.isConstant = true;
  value.name = name.str();
  value.known = knownContents(context, type, *owner);
  return value;
}

TensorValue ModelImporter::knownOf(Dims contents, RankedTensorType type) {
  TensorValue value;
  value.type = type;
  if (std::optional<std::vector<char>> bytes = bytesOf(type, contents)) {
    value = constantOf(type, std::move(*bytes), "");
  }
  value.known = std::move(contents);
  return value;
}

/// A dense attribute for splats and small tensors; null otherwise.
static Attribute denseOf(RankedTensorType type, ArrayRef<char> bytes) {
  unsigned bits = bitsOf(type.getElementType());
  int64_t count = type.getNumElements();
  if (count == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  bool isSplat = bits >= 8 && bytes.size() > bits / 8 &&
                 std::memcmp(bytes.data(), bytes.data() + bits / 8,
                             bytes.size() - bits / 8) == 0;
  if (isSplat)
    bytes = bytes.take_front(bits / 8);
  // Sub-byte elements take a byte each in a dense attribute.
  if (!isSplat && (bits < 8 ? size_t(count) : bytes.size()) > 4096)
    return {};
  SmallVector<Attribute> elements;
  for (int64_t i = 0; i < (isSplat ? 1 : count); ++i)
    elements.push_back(elementAt(type.getElementType(), bytes, i));
  return DenseElementsAttr::get(type, elements);
}

Value ModelImporter::materialise(TensorValue &tensor, Location location) {
  if (tensor.value || tensor.isPoisoned)
    return tensor.value;
  if (!tensor.isConstant) {
    Type i64 = builder.getI64Type();
    Dims dims = *tensor.known;
    Type flat = sym::tensorOf({dim(dims.size())}, i64);
    Value value = graph::FromDimsOp::create(builder, location, flat,
                                            sym::DimsAttr::get(&context, dims));
    if (tensor.type.getElementType() != i64)
      value = graph::CastOp::create(
          builder, location,
          sym::tensorOf({dim(dims.size())}, tensor.type.getElementType()),
          value, builder.getBoolAttr(true));
    if (tensor.type.getRank() != 1)
      value = graph::ReshapeOp::create(builder, location, tensor.type, value);
    return value;
  }
  // Constants stand at the head of the function, where every region sees them.
  OpBuilder::InsertionGuard guard(builder);
  if (lastConstant)
    builder.setInsertionPointAfter(lastConstant);
  else
    builder.setInsertionPointToStart(entry);
  Attribute value = denseOf(tensor.type, tensor.bytes);
  if (!value)
    value = graph::WeightAttr::get(
        &context,
        StringAttr::get(
            &context,
            weights->addBorrowed(tensor.name.empty() ? "constant" : tensor.name,
                                 tensor.bytes)));
  Location where =
      tensor.name.empty()
          ? location
          : Location(NameLoc::get(StringAttr::get(&context, tensor.name)));
  lastConstant = graph::ConstantOp::create(builder, where, tensor.type, value);
  tensor.value = lastConstant->getResult(0);
  return tensor.value;
}

} // namespace sinter::importer
