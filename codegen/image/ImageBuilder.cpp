// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler states, kept as values and records; ImageLayout.cpp gives
// them numbers. Operations fold here by the same rules the walker runs them by,
// except that what would be an error at run time is left to the run.

#include "codegen/image/ImageBuilder.h"

#include "dialects/Support/Check.h"

namespace sinter {

Slot ImageBuilder::newValue(Kind kind, int64_t constant) {
  values.push_back({kind, constant});
  return {uint32_t(values.size() - 1)};
}

static sinter_image_symbol makeSymbol(sinter_bind bind, uint32_t input,
                                      uint32_t index, int64_t min, int64_t max,
                                      int64_t divisor) {
  return {0, uint32_t(bind), input, index, min, max, divisor};
}

Slot ImageBuilder::dimSymbol(const std::string &name, int64_t min, int64_t max,
                             int64_t divisor, uint32_t input, uint32_t dim) {
  symbols.push_back(
      {name, makeSymbol(SINTER_BIND_DIM, input, dim, min, max, divisor)});
  Slot slot = newValue(Kind::Symbol, int64_t(symbols.size() - 1));
  return slot;
}

Slot ImageBuilder::valueSymbol(const std::string &name, int64_t min,
                               int64_t max, int64_t divisor, uint32_t input,
                               uint32_t element) {
  symbols.push_back(
      {name, makeSymbol(SINTER_BIND_VALUE, input, element, min, max, divisor)});
  return newValue(Kind::Symbol, int64_t(symbols.size() - 1));
}

Slot ImageBuilder::constant(int64_t value) {
  auto [at, isNew] = constants.try_emplace(value);
  if (isNew)
    at->second = newValue(Kind::Const, value);
  return at->second;
}

Slot ImageBuilder::variable() { return newValue(Kind::Late); }

namespace {

// The walker's arithmetic on constants; false where a run would fail.
bool fold(uint16_t code, int64_t a, int64_t b, int64_t c, int64_t &out) {
  switch (code) {
  case SINTER_OP_ADD:
    return !__builtin_add_overflow(a, b, &out);
  case SINTER_OP_SUB:
    return !__builtin_sub_overflow(a, b, &out);
  case SINTER_OP_MUL:
    return !__builtin_mul_overflow(a, b, &out);
  case SINTER_OP_MIN:
    out = a < b ? a : b;
    return true;
  case SINTER_OP_MAX:
    out = a > b ? a : b;
    return true;
  case SINTER_OP_EQ:
    out = a == b;
    return true;
  case SINTER_OP_LT:
    out = a < b;
    return true;
  case SINTER_OP_SELECT:
    out = a ? b : c;
    return true;
  default:
    break;
  }
  if (b < 1)
    return false;
  int64_t quotient = a / b, rest = a % b;
  if (rest < 0)
    --quotient, rest += b;
  switch (code) {
  case SINTER_OP_FLOORDIV:
    out = quotient;
    return true;
  case SINTER_OP_MOD:
    out = rest;
    return true;
  case SINTER_OP_CEILDIV:
    out = quotient + (rest != 0);
    return true;
  case SINTER_OP_ALIGN:
    return !__builtin_mul_overflow(quotient + (rest != 0), b, &out);
  default:
    return false;
  }
}

bool commutes(uint16_t code) {
  return code == SINTER_OP_ADD || code == SINTER_OP_MUL ||
         code == SINTER_OP_MIN || code == SINTER_OP_MAX || code == SINTER_OP_EQ;
}

} // namespace

Slot ImageBuilder::op(uint16_t code, Slot a, Slot b, Slot c) {
  SINTER_CHECK(a.valid() && b.valid(), "operand was never made");
  if (commutes(code) && b.id < a.id)
    std::swap(a, b);
  auto isConst = [&](Slot s, int64_t value) {
    return values[s.id].kind == Kind::Const && values[s.id].constant == value;
  };
  if (code == SINTER_OP_SELECT && values[a.id].kind == Kind::Const)
    return values[a.id].constant ? b : c;
  bool allConst =
      values[a.id].kind == Kind::Const && values[b.id].kind == Kind::Const;
  int64_t folded;
  if (allConst && code != SINTER_OP_SELECT &&
      fold(code, values[a.id].constant, values[b.id].constant, 0, folded))
    return constant(folded);
  if ((code == SINTER_OP_ADD && isConst(a, 0)) ||
      (code == SINTER_OP_MUL && isConst(a, 1)))
    return b;
  bool identityRight =
      ((code == SINTER_OP_ADD || code == SINTER_OP_SUB) && isConst(b, 0)) ||
      ((code == SINTER_OP_MUL || code == SINTER_OP_FLOORDIV ||
        code == SINTER_OP_CEILDIV || code == SINTER_OP_ALIGN) &&
       isConst(b, 1)) ||
      ((code == SINTER_OP_MIN || code == SINTER_OP_MAX) && a.id == b.id);
  if (identityRight)
    return a;

  if (!c.valid())
    c = a; // fields that are not read still name a slot
  bool late = isLate(a) || isLate(b) || isLate(c);
  auto [at, isNew] =
      (late ? knownLate : known).try_emplace({code, a.id, b.id, c.id});
  if (isNew) {
    at->second = newValue(late ? Kind::Late : Kind::Entry);
    (late ? lateOps : entryOps)
        .push_back({code, 0, at->second, a, b, c, SINTER_NONE});
  }
  return at->second;
}

void ImageBuilder::assign(Slot variable, Slot value) {
  lateOps.push_back(
      {SINTER_OP_MAX, 0, variable, value, value, value, SINTER_NONE});
  knownLate
      .clear(); // what was computed from the old value is another value now
}

bool ImageBuilder::insideBranch() const {
  for (const Label &label : labels)
    if (label.used && label.record == SINTER_NONE)
      return true;
  return false;
}

void ImageBuilder::addCheck(const Op &check) {
  bool late =
      isLate(check.a) || isLate(check.b) || isLate(check.c) || insideBranch();
  (late ? lateOps : entryOps).push_back(check);
}

void ImageBuilder::checkEqual(Slot a, Slot b, uint32_t node,
                              sinter_reason reason) {
  if (a.id != b.id)
    addCheck({SINTER_OP_CHECK_EQ, uint16_t(reason), {}, a, b, a, node});
}

void ImageBuilder::checkRange(Slot a, Slot low, Slot high, uint32_t node,
                              sinter_reason reason) {
  addCheck({SINTER_OP_CHECK_RANGE, uint16_t(reason), {}, a, low, high, node});
}

//===- Tables -------------------------------------------------------------===//

uint32_t ImageBuilder::node(const std::string &name, const std::string &op) {
  nodes.push_back({name, op});
  return uint32_t(nodes.size() - 1);
}

uint32_t ImageBuilder::kernel(const std::string &name, uint32_t nBuffers,
                              uint32_t nParams) {
  kernels.push_back({name, {0, nBuffers, nParams}});
  return uint32_t(kernels.size() - 1);
}

Slot ImageBuilder::byteSize(uint16_t dtype, const std::vector<Slot> &dims) {
  Slot bytes = constant(int64_t(sinter_dtype_bytes(dtype)));
  for (Slot dim : dims)
    bytes = mul(bytes, dim);
  return bytes;
}

uint32_t ImageBuilder::addTensor(std::vector<Tensor> &list, Tensor tensor) {
  bool late = false;
  for (Slot dim : tensor.dims)
    late |= isLate(dim);
  if (!tensor.bytes.valid() && !late)
    tensor.bytes = byteSize(tensor.dtype, tensor.dims);
  list.push_back(std::move(tensor));
  return uint32_t(list.size() - 1);
}

uint32_t ImageBuilder::input(const std::string &name, uint16_t dtype,
                             const std::vector<Slot> &dims) {
  return addTensor(inputs, {name, dtype, dims, {}, {}, SINTER_NONE});
}
uint32_t ImageBuilder::output(const std::string &name, uint16_t dtype,
                              const std::vector<Slot> &dims, Slot bytes,
                              uint32_t alias) {
  return addTensor(outputs, {name, dtype, dims, bytes, {}, alias});
}
uint32_t ImageBuilder::state(const std::string &name, uint16_t dtype,
                             const std::vector<Slot> &dims, Slot offset) {
  return addTensor(states, {name, dtype, dims, {}, offset, SINTER_NONE});
}
uint32_t ImageBuilder::tap(const std::string &name, uint16_t dtype,
                           const std::vector<Slot> &dims) {
  return addTensor(taps, {name, dtype, dims, constant(0), {}, SINTER_NONE});
}

BufferRef ImageBuilder::inWeights(uint64_t offset, uint64_t bytes) {
  return {SINTER_SPACE_WEIGHTS, 0, constant(int64_t(offset)),
          constant(int64_t(bytes))};
}
BufferRef ImageBuilder::in(uint32_t index, Slot bytes) {
  return {SINTER_SPACE_INPUT, index, constant(0), bytes};
}
BufferRef ImageBuilder::out(uint32_t index, Slot bytes, Slot offset) {
  return {SINTER_SPACE_OUTPUT, index, offset.valid() ? offset : constant(0),
          bytes};
}

//===- Records ------------------------------------------------------------===//

uint32_t ImageBuilder::addBuffer(const BufferRef &buffer) {
  buffers.push_back(buffer);
  return uint32_t(buffers.size() - 1);
}

void ImageBuilder::flushLateOps() {
  if (flushedOps == lateOps.size())
    return;
  sinter_image_record record = {};
  record.kind = SINTER_REC_SHAPE;
  record.node = SINTER_NONE;
  record.a = uint32_t(flushedOps);
  record.b = uint32_t(lateOps.size() - flushedOps);
  records.push_back(record);
  flushedOps = lateOps.size();
}

void ImageBuilder::addRecord(uint16_t kind, uint32_t node,
                             std::vector<uint32_t> fields, bool noWait) {
  flushLateOps();
  fields.resize(8);
  sinter_image_record record = {
      kind,      uint16_t(noWait ? SINTER_RECF_NOWAIT : 0),
      node,      fields[0],
      fields[1], fields[2],
      fields[3], fields[4],
      fields[5], fields[6],
      fields[7]};
  records.push_back(record);
}

void ImageBuilder::launch(uint32_t kernel,
                          const std::vector<BufferRef> &buffers,
                          const std::vector<Slot> &params,
                          const LaunchWork &work, uint32_t node) {
  SINTER_CHECK(buffers.size() == kernels[kernel].second.n_buffers &&
                   params.size() == kernels[kernel].second.n_params,
               "launch does not fit its kernel");
  uint32_t firstBuffer = uint32_t(this->buffers.size());
  uint32_t firstParam = uint32_t(this->params.size());
  for (const BufferRef &buffer : buffers)
    addBuffer(buffer);
  this->params.insert(this->params.end(), params.begin(), params.end());
  auto orElse = [&](Slot slot, int64_t value) {
    return (slot.valid() ? slot : constant(value)).id;
  };
  addRecord(SINTER_REC_LAUNCH, node,
            {kernel, firstBuffer, firstParam, work.items.id,
             orElse(work.grain, 1), orElse(work.macs, 0), orElse(work.bytes, 0),
             SINTER_NONE},
            work.noWait);
}

void ImageBuilder::read(Slot variable, const BufferRef &from, Slot element,
                        uint16_t dtype, uint32_t node) {
  addRecord(SINTER_REC_READ, node,
            {variable.id, element.id, addBuffer(from), dtype});
  knownLate.clear();
}

void ImageBuilder::copy(const BufferRef &to, const BufferRef &from,
                        uint32_t node, bool noWait) {
  uint32_t first = addBuffer(to);
  addRecord(SINTER_REC_COPY, node, {first, addBuffer(from)}, noWait);
}

void ImageBuilder::fill(const BufferRef &to, Slot byte, uint32_t node,
                        bool noWait) {
  addRecord(SINTER_REC_FILL, node, {addBuffer(to), byte.id}, noWait);
}

void ImageBuilder::showTap(uint32_t tap, const BufferRef &from, uint32_t node) {
  addRecord(SINTER_REC_TAP, node, {tap, addBuffer(from)});
}

uint32_t ImageBuilder::label() {
  labels.push_back({});
  return uint32_t(labels.size() - 1);
}

void ImageBuilder::bind(uint32_t label) {
  flushLateOps();
  labels[label].record = uint32_t(records.size());
  knownLate.clear(); // not computed on every way that leads here
}

void ImageBuilder::branchIfZero(Slot condition, uint32_t label, uint32_t node) {
  addRecord(SINTER_REC_BRANCH, node, {condition.id, label});
  labels[label].used = true;
}

void ImageBuilder::jump(uint32_t label) {
  addRecord(SINTER_REC_JUMP, SINTER_NONE, {label});
  labels[label].used = true;
}

} // namespace sinter
