// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last floor: image, manifest, weights, kernels and the walker become one
// file. Steps: a data object (descriptor, image, manifest) is written as plain
// ELF; `ld.lld -r` joins it with the kernels and the walker; every symbol but
// `<prefix>_model` is made local, in place; .so and executables are linked from
// that; last, the weights are written into the result, once and from a small
// buffer, so that a compile needs neither memory nor time for their copies. The
// file appears by a rename when it is complete, never in part, and equal inputs
// give equal bytes.

#ifndef SINTER_CODEGEN_OBJECT_OBJECTWRITER_H
#define SINTER_CODEGEN_OBJECT_OBJECTWRITER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace sinter {

/// What a file is, by its name: .o .a .so, no suffix = executable.
enum class OutputKind { Object, Archive, Shared, Executable };
llvm::Expected<OutputKind> outputKindOf(llvm::StringRef path);

/// The default prefix: the stem in lower case, other characters `_`, `m_`
/// before a digit. A C or C++ keyword is an error (SINTER-U...).
llvm::Expected<std::string> prefixOf(llvm::StringRef path);

enum class Machine { X86_64, AArch64 };

/// One ISA, best first. symbols[k] is the function of kernel k of the image in
/// this column; columns may name the same function.
struct IsaColumn {
  std::string name;      // "x86-64-v4"
  uint64_t features = 0; // SINTER_ISA_* bits (sinter/model.h)
  std::vector<std::string> symbols;
};

/// `bytes` bytes at `offset` (a multiple of 64) of the weights blob. fill makes
/// those from `begin` of the piece, for a range that begins at a multiple of
/// 64; it is called from several threads. release, when there is one, hears
/// that nothing more is asked for.
struct WeightPiece {
  uint64_t offset = 0, bytes = 0;
  std::function<llvm::Error(uint64_t begin, llvm::MutableArrayRef<char> to)>
      fill;
  std::function<void()> release;
};

struct ObjectInputs {
  std::string prefix;
  Machine machine = Machine::X86_64;
  llvm::ArrayRef<uint8_t> image;
  std::string manifest; // JSON
  std::vector<IsaColumn> isas;
  std::vector<std::string> kernelPaths;             // ELF .o files
  std::vector<llvm::MemoryBufferRef> kernelBuffers; // or the same in memory
  std::vector<WeightPiece> weights;                 // sorted, no overlaps
  uint64_t weightsBytes = 0;                        // gaps are zeros
  /// Weights go to STEM.weights beside the output, not into it.
  bool weightsInFile = false;
  unsigned jobs = 1;
};

/// Writes outPath, STEM.h and STEM.hpp beside it. Errors carry an error code of
/// the table (SINTER-O..., SINTER-U...) and a remedy; nothing is left behind.
llvm::Error writeObject(const ObjectInputs &inputs, llvm::StringRef outPath);

/// Links an object or archive into a temporary .so, for `sinter run model.o`.
llvm::Error linkShared(llvm::StringRef objectPath, llvm::StringRef outPath);

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_OBJECTWRITER_H
