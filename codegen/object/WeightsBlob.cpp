// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights, packed by whoever knows how, in parallel and straight into the
// mapped file; and the .weights file, whose identity is a hash of the blob.

#include "codegen/object/DataObject.h"
#include "codegen/object/MappedOutput.h"
#include "codegen/object/ObjectError.h"
#include "sinter/model.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/MathExtras.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

using namespace llvm;

namespace sinter {

WeightPiece weightPiece(uint64_t offset, ArrayRef<char> bytes) {
  return {offset, bytes.size(), [bytes](MutableArrayRef<char> to) {
            std::copy(bytes.begin(), bytes.end(), to.begin());
            return Error::success();
          }};
}

static Error fillWeights(const ObjectInputs &inputs,
                         MutableArrayRef<char> blob) {
  std::atomic<size_t> next{0};
  std::mutex lock;
  Error failed = Error::success();
  auto work = [&] {
    for (size_t i; (i = next++) < inputs.weights.size();) {
      const WeightPiece &piece = inputs.weights[i];
      if (Error e = piece.fill(blob.slice(piece.offset, piece.bytes))) {
        std::lock_guard<std::mutex> guard(lock);
        failed = joinErrors(std::move(failed), std::move(e));
        return;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min<size_t>(inputs.jobs, inputs.weights.size());
       ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  return failed;
}

Expected<WeightsId> writeWeightsFile(const ObjectInputs &inputs,
                                     StringRef path) {
  auto file =
      MappedOutput::create(path, SINTER_WEIGHTS_OFFSET + inputs.weightsBytes);
  if (!file)
    return file.takeError();
  MutableArrayRef<char> bytes = (*file)->bytes();
  MutableArrayRef<char> blob = bytes.drop_front(SINTER_WEIGHTS_OFFSET);
  if (Error e = fillWeights(inputs, blob))
    return std::move(e);
  sinter_weights_header header = {
      SINTER_WEIGHTS_MAGIC, inputs.weightsBytes, {}};
  WeightsId id = BLAKE3::hash(ArrayRef<uint8_t>(
      reinterpret_cast<const uint8_t *>(blob.data()), blob.size()));
  std::memcpy(header.id, id.data(), id.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  if (Error e = (*file)->close())
    return std::move(e);
  return id;
}

// The section table of an object that lld wrote a moment ago.
static ELF::Elf64_Shdr *findWeights(MutableArrayRef<char> elf) {
  auto *header = reinterpret_cast<ELF::Elf64_Ehdr *>(elf.data());
  auto *sections =
      reinterpret_cast<ELF::Elf64_Shdr *>(elf.data() + header->e_shoff);
  const char *names = elf.data() + sections[header->e_shstrndx].sh_offset;
  for (unsigned i = 0; i < header->e_shnum; ++i)
    if (StringRef(names + sections[i].sh_name).ends_with(".sinter_weights"))
      return &sections[i];
  return nullptr;
}

Error attachWeights(const ObjectInputs &inputs, StringRef path) {
  uint64_t room = inputs.weightsBytes + 64; // to begin at a multiple of 64
  auto file = MappedOutput::open(path, room);
  if (!file)
    return file.takeError();
  MutableArrayRef<char> bytes = (*file)->bytes();
  ELF::Elf64_Shdr *section = findWeights(bytes);
  if (!section)
    return objectError(ErrorCode::O004, "the linked object has no weights");
  section->sh_offset = alignTo(bytes.size() - room, 64);
  section->sh_size = inputs.weightsBytes;
  if (Error e = fillWeights(
          inputs, bytes.slice(section->sh_offset, inputs.weightsBytes)))
    return e;
  return (*file)->close();
}

} // namespace sinter
