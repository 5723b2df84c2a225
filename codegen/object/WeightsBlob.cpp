// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights, made by whoever knows how, in parallel, a megabyte at a time and
// written from there: writing through a mapping would fault once a page, have
// the kernel clear it first, and count as our memory. And the .weights file,
// whose identity is a hash of the blob.

#include "codegen/object/DataObject.h"
#include "codegen/object/MappedOutput.h"
#include "codegen/object/ObjectError.h"
#include "dialects/Support/Parallel.h"
#include "sinter/model.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <unistd.h>

using namespace llvm;

namespace sinter {

namespace {

/// The range of one piece that is made and written at once.
struct Chunk {
  size_t piece;
  uint64_t begin, bytes;
  WeightsId digest;
};

/// Writes all pieces into a file that has room for them from `start` on.
class BlobWriter {
public:
  BlobWriter(const ObjectInputs &inputs, StringRef path, uint64_t start,
             bool withDigest)
      : in(inputs), path(path), start(start), withDigest(withDigest) {}
  Error run();
  /// A hash over the chunks' hashes and places.
  WeightsId digest() const;

private:
  static constexpr uint64_t chunkBytes = 1 << 20;

  Error write(Chunk &chunk);
  Error writeAll(ArrayRef<char> bytes, uint64_t at) const;
  void fail(Error error);

  const ObjectInputs &in;
  const StringRef path;
  const uint64_t start;
  const bool withDigest;
  int file = -1;
  std::vector<Chunk> chunks;
  std::vector<std::atomic<uint64_t>> left; // chunks of each piece
  std::atomic<bool> hasFailed{false};
  std::mutex lock;
  Error failed = Error::success();
};

void BlobWriter::fail(Error error) {
  std::lock_guard<std::mutex> guard(lock);
  failed = hasFailed.exchange(true)
               ? joinErrors(std::move(failed), std::move(error))
               : std::move(error);
}

Error BlobWriter::writeAll(ArrayRef<char> bytes, uint64_t at) const {
  while (!bytes.empty()) {
    ssize_t n = ::pwrite(file, bytes.data(), bytes.size(), off_t(at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return writeError(
          path, std::error_code(n ? errno : ENOSPC, std::generic_category()));
    bytes = bytes.drop_front(n);
    at += n;
  }
  return Error::success();
}

Error BlobWriter::write(Chunk &chunk) {
  const WeightPiece &piece = in.weights[chunk.piece];
  std::vector<char> buffer(chunk.bytes);
  if (Error e = piece.fill(chunk.begin, buffer))
    return e;
  if (withDigest)
    chunk.digest = BLAKE3::hash<32>(
        {reinterpret_cast<const uint8_t *>(buffer.data()), buffer.size()});
  return writeAll(buffer, start + piece.offset + chunk.begin);
}

Error BlobWriter::run() {
  for (size_t i = 0; i < in.weights.size(); ++i)
    for (uint64_t at = 0; at < in.weights[i].bytes; at += chunkBytes)
      chunks.push_back(
          {i, at, std::min(chunkBytes, in.weights[i].bytes - at), {}});
  left = std::vector<std::atomic<uint64_t>>(in.weights.size());
  for (const Chunk &chunk : chunks)
    ++left[chunk.piece];
  file = ::open(path.str().c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0)
    return writeError(path, std::error_code(errno, std::generic_category()));
  parallelFor(in.jobs, chunks.size(), [&](size_t i) {
    if (hasFailed)
      return;
    if (Error e = write(chunks[i]))
      return fail(std::move(e));
    const WeightPiece &piece = in.weights[chunks[i].piece];
    if (--left[chunks[i].piece] == 0 && piece.release)
      piece.release();
  });
  if (::close(file) && !hasFailed)
    fail(writeError(path, std::error_code(errno, std::generic_category())));
  return std::move(failed);
}

WeightsId BlobWriter::digest() const {
  BLAKE3 hash;
  for (const Chunk &chunk : chunks) {
    uint64_t place[] = {in.weights[chunk.piece].offset + chunk.begin,
                        chunk.bytes};
    hash.update({reinterpret_cast<const uint8_t *>(place), sizeof place});
    hash.update(chunk.digest);
  }
  return hash.final<32>();
}

/// The linker's output without its weights: a few megabytes, as they are in a
/// file that has grown by `room`.
class ElfFile {
public:
  explicit ElfFile(MutableArrayRef<char> bytes) : bytes(bytes) {}

  ELF::Elf64_Ehdr &header() const { return *at<ELF::Elf64_Ehdr>(0); }
  MutableArrayRef<ELF::Elf64_Shdr> sections() const {
    return {at<ELF::Elf64_Shdr>(header().e_shoff), header().e_shnum};
  }
  MutableArrayRef<ELF::Elf64_Phdr> segments() const {
    return {at<ELF::Elf64_Phdr>(header().e_phoff), header().e_phnum};
  }
  ELF::Elf64_Shdr *findWeights() const;
  ELF::Elf64_Phdr *segmentOf(const ELF::Elf64_Shdr &section) const;

private:
  template <typename T> T *at(uint64_t offset) const {
    return reinterpret_cast<T *>(bytes.data() + offset);
  }
  MutableArrayRef<char> bytes;
};

ELF::Elf64_Shdr *ElfFile::findWeights() const {
  uint64_t names = sections()[header().e_shstrndx].sh_offset;
  for (ELF::Elf64_Shdr &section : sections())
    if (StringRef(bytes.data() + names + section.sh_name)
            .ends_with(".sinter_weights"))
      return &section;
  return nullptr;
}

/// The segment at whose end, in memory only, the section lies.
ELF::Elf64_Phdr *ElfFile::segmentOf(const ELF::Elf64_Shdr &section) const {
  for (ELF::Elf64_Phdr &segment : segments())
    if (segment.p_type == ELF::PT_LOAD &&
        section.sh_addr >= segment.p_vaddr + segment.p_filesz &&
        section.sh_addr + section.sh_size == segment.p_vaddr + segment.p_memsz)
      return &segment;
  return nullptr;
}

} // namespace

Expected<WeightsId> writeWeightsFile(const ObjectInputs &inputs,
                                     StringRef path) {
  auto file =
      MappedOutput::create(path, SINTER_WEIGHTS_OFFSET + inputs.weightsBytes);
  if (!file)
    return file.takeError();
  BlobWriter blob(inputs, path, SINTER_WEIGHTS_OFFSET, /*withDigest=*/true);
  if (Error e = blob.run())
    return std::move(e);
  sinter_weights_header header = {
      SINTER_WEIGHTS_MAGIC, inputs.weightsBytes, {}};
  WeightsId id = blob.digest();
  std::memcpy(header.id, id.data(), id.size());
  std::memcpy((*file)->bytes().data(), &header, sizeof header);
  if (Error e = (*file)->close())
    return std::move(e);
  return id;
}

static bool hasOwnWeights(const ObjectInputs &inputs) {
  return inputs.weightsBytes && !inputs.weightsInFile;
}

static Error noWeights() {
  return objectError(ErrorCode::O004, "the linked object has no weights");
}

Expected<uint64_t> placeWeights(const ObjectInputs &inputs, StringRef path) {
  auto file = MappedOutput::open(path);
  if (!file)
    return file.takeError();
  MutableArrayRef<char> bytes = (*file)->bytes();
  uint64_t start = alignTo(bytes.size(), 64);
  if (hasOwnWeights(inputs)) {
    ELF::Elf64_Shdr *section = ElfFile(bytes).findWeights();
    if (!section)
      return noWeights();
    section->sh_type = ELF::SHT_PROGBITS;
    section->sh_offset = start;
  }
  if (Error e = (*file)->close())
    return std::move(e);
  return start;
}

Error appendWeights(const ObjectInputs &inputs, StringRef path,
                    uint64_t start) {
  if (!hasOwnWeights(inputs))
    return Error::success();
  uint64_t bytes = 0;
  if (std::error_code reason = sys::fs::file_size(path, bytes))
    return writeError(path, reason);
  // An archive's member has an even number of bytes.
  auto file = MappedOutput::open(
      path, start + alignTo(inputs.weightsBytes, 64) - bytes);
  if (!file)
    return file.takeError();
  if (Error e = (*file)->close())
    return e;
  return BlobWriter(inputs, path, start, /*withDigest=*/false).run();
}

// ld.lld has put the section at the end of a segment, behind the read-only
// data, with addresses but no bytes. All that follows in the file moves back by
// whole pages, and the weights come between; addresses stay.
Error insertWeights(const ObjectInputs &inputs, StringRef path) {
  if (!hasOwnWeights(inputs))
    return Error::success();
  uint64_t oldBytes = 0, room = 0, from = 0, start = 0;
  {
    auto file = MappedOutput::open(path);
    if (!file)
      return file.takeError();
    ElfFile elf((*file)->bytes());
    ELF::Elf64_Shdr *section = elf.findWeights();
    ELF::Elf64_Phdr *segment = section ? elf.segmentOf(*section) : nullptr;
    if (!segment)
      return noWeights();
    oldBytes = (*file)->bytes().size();
    from = segment->p_offset + segment->p_filesz;
    start = segment->p_offset + (section->sh_addr - segment->p_vaddr);
    room = alignTo(segment->p_memsz - segment->p_filesz, segment->p_align);
    section->sh_type = ELF::SHT_PROGBITS;
    section->sh_offset = start;
    segment->p_filesz = segment->p_memsz;
    for (ELF::Elf64_Shdr &other : elf.sections())
      if (&other != section && other.sh_offset >= from)
        other.sh_offset += room;
    for (ELF::Elf64_Phdr &other : elf.segments())
      if (&other != segment && other.p_offset >= from)
        other.p_offset += room;
    if (elf.header().e_shoff >= from)
      elf.header().e_shoff += room;
    if (Error e = (*file)->close())
      return e;
  }
  auto file = MappedOutput::open(path, room);
  if (!file)
    return file.takeError();
  char *tail = (*file)->bytes().data() + from;
  std::memmove(tail + room, tail, oldBytes - from);
  std::memset(tail, 0, std::min(room, oldBytes - from));
  if (Error e = (*file)->close())
    return e;
  return BlobWriter(inputs, path, start, /*withDigest=*/false).run();
}

} // namespace sinter
