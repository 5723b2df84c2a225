// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The end of ImageBuilder: values get their slots (symbols, constants, entry,
// late), records get DYNAMIC where they name late slots, tables are written one
// behind the other, and the walker's own verifier has the last word.

#include "codegen/image/ImageBuilder.h"

#include <cstring>
#include <unordered_map>

namespace sinter {

// Turns the builder's values and records into bytes, once.
class ImageLayout {
public:
  explicit ImageLayout(ImageBuilder &builder) : b(builder) {}

  void numberSlots();
  void writeStrings();
  void writeShapeProgram();
  void writeRecords();
  bool finish(std::vector<uint8_t> &image, std::string &error);

private:
  using Kind = ImageBuilder::Kind;

  uint32_t slot(Slot value) const {
    return value.valid() ? slots[value.id] : SINTER_NONE;
  }
  uint32_t slot(uint32_t id) const { return slots[id]; }
  bool isLateBuffer(uint32_t index) const;
  bool isDynamic(const sinter_image_record &record) const;
  uint32_t intern(const std::string &text);
  template <typename T>
  void section(sinter_section_id id, const std::vector<T> &rows);

  ImageBuilder &b;
  std::vector<uint32_t> slots; // by value
  std::vector<int64_t> consts;
  uint32_t nEntry = 0, nSlots = 0;
  std::vector<char> strings;
  std::unordered_map<std::string, uint32_t> interned;
  std::vector<sinter_image_node> nodes;
  std::vector<sinter_image_symbol> symbols;
  std::vector<sinter_image_text> texts;
  std::vector<sinter_image_kernel> kernels;
  std::vector<sinter_image_tensor> tensors;
  std::vector<uint32_t> dims, params;
  std::vector<sinter_image_op> ops;
  std::vector<sinter_image_record> records;
  std::vector<sinter_image_buffer> buffers;
  sinter_image header = {};
  std::vector<uint8_t> body;
};

void ImageLayout::numberSlots() {
  slots.assign(b.values.size(), 0);
  uint32_t next = 0;
  for (Kind kind : {Kind::Symbol, Kind::Const, Kind::Entry, Kind::Late}) {
    for (size_t i = 0; i < b.values.size(); ++i) {
      if (b.values[i].kind != kind)
        continue;
      slots[i] = next++;
      if (kind == Kind::Const)
        consts.push_back(b.values[i].constant);
    }
    if (kind == Kind::Entry)
      nEntry = next;
  }
  nSlots = next;
}

uint32_t ImageLayout::intern(const std::string &text) {
  std::string clean(text.c_str()); // a name ends at its first NUL
  auto [at, isNew] = interned.try_emplace(clean, uint32_t(strings.size()));
  if (isNew)
    strings.insert(strings.end(), clean.c_str(),
                   clean.c_str() + clean.size() + 1);
  return at->second;
}

void ImageLayout::writeStrings() {
  intern("");
  for (auto &[name, op] : b.nodes)
    nodes.push_back({intern(name), intern(op)});
  for (auto &[name, symbol] : b.symbols) {
    symbols.push_back(symbol);
    symbols.back().name = intern(name);
  }
  for (auto &[name, kernel] : b.kernels) {
    kernels.push_back(kernel);
    kernels.back().name = intern(name);
  }
  for (auto *list : {&b.inputs, &b.outputs, &b.states, &b.taps})
    for (const ImageBuilder::Tensor &tensor : *list) {
      tensors.push_back({intern(tensor.name), tensor.dtype,
                         uint16_t(tensor.dims.size()), uint32_t(dims.size()),
                         slot(tensor.bytes), slot(tensor.offset),
                         tensor.alias});
      for (Slot dim : tensor.dims)
        dims.push_back(slot(dim));
    }
  for (const std::string &text : b.texts) { // any bytes: not a name
    texts.push_back({uint32_t(strings.size()), uint32_t(text.size())});
    strings.insert(strings.end(), text.c_str(), text.c_str() + text.size() + 1);
  }
}

void ImageLayout::writeShapeProgram() {
  for (auto *list : {&b.entryOps, &b.lateOps})
    for (const ImageBuilder::Op &op : *list)
      ops.push_back({op.code, op.reason, slot(op.dst), slot(op.a), slot(op.b),
                     slot(op.c), op.node});
}

bool ImageLayout::isLateBuffer(uint32_t index) const {
  const BufferRef &buffer = b.buffers[index];
  return b.isLate(buffer.offset) || b.isLate(buffer.bytes) ||
         (buffer.space == SINTER_SPACE_OUTPUT &&
          b.isLate(b.outputs[buffer.index].bytes));
}

bool ImageLayout::isDynamic(const sinter_image_record &r) const {
  if (r.kind == SINTER_REC_LAUNCH) {
    bool late = false;
    for (uint32_t i = 0; i < kernels[r.a].n_buffers; ++i)
      late |= isLateBuffer(r.b + i);
    for (uint32_t i = 0; i < kernels[r.a].n_params; ++i)
      late |= b.isLate(b.params[r.c + i]);
    return late;
  }
  switch (r.kind) {
  case SINTER_REC_READ:
    return isLateBuffer(r.c);
  case SINTER_REC_COPY:
    return isLateBuffer(r.a) || isLateBuffer(r.b);
  case SINTER_REC_FILL:
    return isLateBuffer(r.a);
  case SINTER_REC_TAP:
    return isLateBuffer(r.b);
  default:
    return false;
  }
}

void ImageLayout::writeRecords() {
  for (const BufferRef &buffer : b.buffers)
    buffers.push_back({uint16_t(buffer.space), uint16_t(buffer.index),
                       slot(buffer.offset), slot(buffer.bytes)});
  for (Slot param : b.params)
    params.push_back(slot(param));
  uint32_t lateBase = uint32_t(b.entryOps.size());
  for (sinter_image_record r : b.records) {
    r.flags |= isDynamic(r) ? SINTER_RECF_DYNAMIC : 0;
    switch (r.kind) {
    case SINTER_REC_LAUNCH:
      r.d = slot(r.d), r.e = slot(r.e), r.f = slot(r.f), r.g = slot(r.g);
      break;
    case SINTER_REC_SHAPE:
      r.a += lateBase;
      break;
    case SINTER_REC_READ:
      r.a = slot(r.a), r.b = slot(r.b);
      break;
    case SINTER_REC_BRANCH:
      r.a = slot(r.a), r.b = b.labels[r.b].record;
      break;
    case SINTER_REC_JUMP:
      r.a = b.labels[r.a].record;
      break;
    case SINTER_REC_FILL:
      r.b = slot(r.b);
      break;
    default:
      break;
    }
    records.push_back(r);
  }
  sinter_image_record end = {};
  end.kind = SINTER_REC_END;
  end.node = SINTER_NONE;
  records.push_back(end);
  // No barrier may be left out before a record that thread 0 prepares for all.
  for (size_t i = 0; i + 1 < records.size(); ++i) {
    const sinter_image_record &next = records[i + 1];
    bool works = next.kind == SINTER_REC_LAUNCH ||
                 next.kind == SINTER_REC_COPY || next.kind == SINTER_REC_FILL;
    if (!works || (next.flags & SINTER_RECF_DYNAMIC))
      records[i].flags &= ~SINTER_RECF_NOWAIT;
  }
}

template <typename T>
void ImageLayout::section(sinter_section_id id, const std::vector<T> &rows) {
  body.resize((body.size() + 7) & ~size_t(7));
  header.section[id] = {uint32_t(sizeof header + body.size()),
                        uint32_t(rows.size())};
  size_t at = body.size();
  body.resize(at + rows.size() * sizeof(T));
  if (!rows.empty())
    std::memcpy(body.data() + at, rows.data(), rows.size() * sizeof(T));
}

bool ImageLayout::finish(std::vector<uint8_t> &image, std::string &error) {
  section(SINTER_SEC_STRINGS, strings);
  section(SINTER_SEC_NODES, nodes);
  section(SINTER_SEC_SYMBOLS, symbols);
  section(SINTER_SEC_CONSTS, consts);
  section(SINTER_SEC_TENSORS, tensors);
  section(SINTER_SEC_DIMS, dims);
  section(SINTER_SEC_OPS, ops);
  section(SINTER_SEC_KERNELS, kernels);
  section(SINTER_SEC_RECORDS, records);
  section(SINTER_SEC_BUFFERS, buffers);
  section(SINTER_SEC_PARAMS, params);
  section(SINTER_SEC_VARIANTS, std::vector<int64_t>());
  section(SINTER_SEC_TEXTS, texts);
  body.resize((body.size() + 7) & ~size_t(7));
  if (sizeof header + body.size() > UINT32_MAX) {
    error = "the program image would be over 4 GB";
    return false;
  }
  header.magic = SINTER_IMAGE_MAGIC;
  header.abi_major = SINTER_ABI_MAJOR;
  header.abi_minor = SINTER_ABI_MINOR;
  header.bytes = sizeof header + body.size();
  header.weights_bytes = b.weightsBytes;
  header.state_bytes = b.stateBytes;
  header.n_slots = nSlots;
  header.n_entry_slots = nEntry;
  header.n_entry_ops = uint32_t(b.entryOps.size());
  header.n_inputs = uint32_t(b.inputs.size());
  header.n_outputs = uint32_t(b.outputs.size());
  header.n_states = uint32_t(b.states.size());
  header.n_taps = uint32_t(b.taps.size());
  header.arena_slot = slot(b.arena);
  header.scratch_slot = slot(b.scratch);
  image.resize(header.bytes);
  std::memcpy(image.data(), &header, sizeof header);
  std::memcpy(image.data() + sizeof header, body.data(), body.size());
  size_t hashed = offsetof(sinter_image, hash) + sizeof header.hash;
  uint64_t hash =
      sinter_image_hash(image.data() + hashed, image.size() - hashed);
  std::memcpy(image.data() + offsetof(sinter_image, hash), &hash, sizeof hash);

  sinter_error refused = {};
  if (!sinter_image_verify(image.data(), image.size(), &refused))
    return true;
  error = "the program image does not verify: section " +
          std::to_string(refused.found) + ", element " +
          std::to_string(refused.expected);
  return false;
}

bool ImageBuilder::finish(std::vector<uint8_t> &image, std::string &error) {
  flushLateOps();
  if (!arena.valid())
    arena = constant(0);
  if (!scratch.valid())
    scratch = constant(0);
  for (const Tensor &tensor : outputs)
    if (!tensor.bytes.valid()) {
      error = "output '" + tensor.name +
              "' has a size that depends on data and no bound";
      return false;
    }
  ImageLayout layout(*this);
  layout.numberSlots();
  layout.writeStrings();
  layout.writeShapeProgram();
  layout.writeRecords();
  return layout.finish(image, error);
}

} // namespace sinter
