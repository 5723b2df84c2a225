// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types, seeded values and conversions for tensors of the tools.
#include "tools/sinter/HostTensor.h"

#include "compiler/report/UserError.h"
#include "runtime/npz/Npz.h"
#include "sinter/image.h"
#include "sinter/sinter.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <cstring>

using namespace sinter;

uint64_t HostTensor::elements() const {
  uint64_t n = 1;
  for (int64_t dim : dims)
    n *= dim;
  return n;
}

const char *sinter::dtypeName(int32_t dtype) {
  switch (dtype) {
  case SINTER_F32:
    return "float32";
  case SINTER_U8:
    return "uint8";
  case SINTER_I8:
    return "int8";
  case SINTER_U16:
    return "uint16";
  case SINTER_I16:
    return "int16";
  case SINTER_I32:
    return "int32";
  case SINTER_I64:
    return "int64";
  case SINTER_STRING:
    return "string";
  case SINTER_BOOL:
    return "bool";
  case SINTER_F16:
    return "float16";
  case SINTER_F64:
    return "float64";
  case SINTER_U32:
    return "uint32";
  case SINTER_U64:
    return "uint64";
  case SINTER_BF16:
    return "bfloat16";
  }
  return "unknown";
}

static double smallFloat(uint16_t bits, const llvm::fltSemantics &semantics) {
  llvm::APFloat value(semantics, llvm::APInt(16, bits));
  bool lossy;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &lossy);
  return value.convertToDouble();
}

template <typename T>
static void widen(const HostTensor &tensor, std::vector<double> &into) {
  for (size_t i = 0; i < into.size(); ++i) {
    T value;
    memcpy(&value, tensor.bytes.data() + i * sizeof(T), sizeof(T));
    into[i] = static_cast<double>(value);
  }
}

std::vector<double> sinter::asDoubles(const HostTensor &tensor) {
  uint64_t size = sinter_dtype_bytes(tensor.dtype);
  std::vector<double> values(size ? tensor.bytes.size() / size : 0);
  switch (tensor.dtype) {
  case SINTER_F32:
    widen<float>(tensor, values);
    break;
  case SINTER_F64:
    widen<double>(tensor, values);
    break;
  case SINTER_U8:
  case SINTER_BOOL:
    widen<uint8_t>(tensor, values);
    break;
  case SINTER_I8:
    widen<int8_t>(tensor, values);
    break;
  case SINTER_U16:
    widen<uint16_t>(tensor, values);
    break;
  case SINTER_I16:
    widen<int16_t>(tensor, values);
    break;
  case SINTER_I32:
    widen<int32_t>(tensor, values);
    break;
  case SINTER_U32:
    widen<uint32_t>(tensor, values);
    break;
  case SINTER_I64:
    widen<int64_t>(tensor, values);
    break;
  case SINTER_U64:
    widen<uint64_t>(tensor, values);
    break;
  case SINTER_F16:
  case SINTER_BF16: {
    widen<uint16_t>(tensor, values);
    for (double &value : values)
      value = smallFloat(static_cast<uint16_t>(value),
                         tensor.dtype == SINTER_F16 ? llvm::APFloat::IEEEhalf()
                                                    : llvm::APFloat::BFloat());
    break;
  }
  }
  return values;
}

namespace {
// splitmix64: a fixed sequence for a seed, on every machine.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  double uniform() { return (next() >> 11) * 0x1p-53; }
  // The sum of twelve uniform values: deviation 1, and no libm to differ.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += uniform();
    return sum;
  }
};
} // namespace

template <typename T>
static void put(std::vector<char> &bytes, size_t at, T value) {
  memcpy(bytes.data() + at * sizeof(T), &value, sizeof(T));
}

static uint16_t toSmallFloat(double value,
                             const llvm::fltSemantics &semantics) {
  llvm::APFloat result(value);
  bool lossy;
  result.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &lossy);
  return static_cast<uint16_t>(result.bitcastToAPInt().getZExtValue());
}

HostTensor sinter::randomTensor(const std::string &name, int32_t dtype,
                                std::vector<int64_t> dims, uint64_t seed) {
  HostTensor tensor{name, dtype, std::move(dims), {}};
  uint64_t n = tensor.elements();
  uint64_t size = sinter_dtype_bytes(dtype);
  tensor.bytes.resize(n * size);
  Random random{seed * 0x2545F4914F6CDD1Dull + llvm::xxh3_64bits(name)};
  for (uint64_t i = 0; i < n && size; ++i) {
    if (dtype == SINTER_F32)
      put<float>(tensor.bytes, i, static_cast<float>(random.normal()));
    else if (dtype == SINTER_F64)
      put<double>(tensor.bytes, i, random.normal());
    else if (dtype == SINTER_F16)
      put<uint16_t>(tensor.bytes, i,
                    toSmallFloat(random.normal(), llvm::APFloat::IEEEhalf()));
    else if (dtype == SINTER_BF16)
      put<uint16_t>(tensor.bytes, i,
                    toSmallFloat(random.normal(), llvm::APFloat::BFloat()));
    else
      tensor.bytes[i * size] = static_cast<char>(random.next() & 1);
  }
  return tensor;
}

std::string sinter::shapeText(const std::vector<int64_t> &dims) {
  std::string text;
  for (int64_t dim : dims)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return dims.empty() ? "scalar" : text;
}

std::vector<llvm::StringRef> sinter::textsOf(const HostTensor &tensor) {
  std::vector<llvm::StringRef> texts(tensor.bytes.size() / sizeof(sinter_text));
  for (size_t i = 0; i < texts.size(); ++i) {
    sinter_text text;
    memcpy(&text, tensor.bytes.data() + i * sizeof text, sizeof text);
    texts[i] = llvm::StringRef(text.data, text.bytes);
  }
  return texts;
}

void sinter::setTexts(HostTensor &tensor,
                      llvm::ArrayRef<llvm::StringRef> texts) {
  auto all = std::make_shared<std::string>();
  for (llvm::StringRef text : texts)
    *all += text;
  std::vector<char> bytes(texts.size() * sizeof(sinter_text));
  const char *at = all->data();
  for (size_t i = 0; i < texts.size(); ++i) {
    sinter_text text{at, texts[i].size()};
    memcpy(bytes.data() + i * sizeof text, &text, sizeof text);
    at += texts[i].size();
  }
  tensor.dtype = SINTER_STRING;
  tensor.bytes = std::move(bytes);
  tensor.texts = std::move(all);
}

HostTensor sinter::randomTexts(const std::string &name,
                               std::vector<int64_t> dims,
                               llvm::ArrayRef<llvm::StringRef> known,
                               uint64_t seed) {
  HostTensor tensor{name, SINTER_STRING, std::move(dims), {}};
  Random random{seed * 0x2545F4914F6CDD1Dull + llvm::xxh3_64bits(name)};
  std::vector<std::string> unknown;
  for (int i = 0; i < 8; ++i)
    unknown.push_back("text " + std::to_string(random.next() % 1000));
  std::vector<llvm::StringRef> texts;
  for (uint64_t i = tensor.elements(); i > 0; --i)
    texts.push_back(known.empty() || random.next() % 8 == 0
                        ? llvm::StringRef(unknown[random.next() % 8])
                        : known[random.next() % known.size()]);
  setTexts(tensor, texts);
  return tensor;
}

static HostTensor copyOf(const sinter_npz_array &array,
                         const std::string &name) {
  const char *data = static_cast<const char *>(array.data);
  HostTensor tensor{name,
                    array.dtype,
                    {array.dim, array.dim + array.rank},
                    {data, data + array.bytes}};
  if (tensor.dtype == SINTER_STRING)
    setTexts(tensor, textsOf(tensor));
  return tensor;
}

llvm::Expected<std::vector<HostTensor>>
sinter::readTensors(const std::string &npzPath) {
  sinter_npz npz;
  char problem[512];
  if (sinter_npz_read(npzPath.c_str(), &npz, problem, sizeof problem) != 0)
    return userError(ErrorCode::R002, problem);
  std::vector<HostTensor> tensors;
  for (uint32_t i = 0; i < npz.count; ++i)
    tensors.push_back(copyOf(npz.arrays[i], npz.arrays[i].name));
  sinter_npz_free(&npz);
  return tensors;
}

llvm::Expected<HostTensor> sinter::readTensor(const std::string &npyPath,
                                              const std::string &name) {
  sinter_npz npz;
  char problem[512];
  if (sinter_npy_read(npyPath.c_str(), &npz, problem, sizeof problem) != 0)
    return userError(ErrorCode::R002, "--input " + name + ": " + problem);
  HostTensor tensor = copyOf(npz.arrays[0], name);
  sinter_npz_free(&npz);
  return tensor;
}

llvm::Error sinter::writeTensors(const std::string &npzPath,
                                 const std::vector<HostTensor> &tensors) {
  std::vector<sinter_npz_array> arrays;
  for (const HostTensor &tensor : tensors) {
    sinter_npz_array array{tensor.name.c_str(),
                           static_cast<uint8_t>(tensor.dtype),
                           static_cast<uint8_t>(tensor.dims.size()),
                           {},
                           tensor.bytes.data(),
                           tensor.bytes.size(),
                           nullptr};
    for (size_t i = 0; i < tensor.dims.size() && i < 8; ++i)
      array.dim[i] = tensor.dims[i];
    arrays.push_back(array);
  }
  char problem[512];
  if (sinter_npz_write(npzPath.c_str(), arrays.data(), arrays.size(), problem,
                       sizeof problem) != 0)
    return userError(ErrorCode::O010, problem);
  return llvm::Error::success();
}
