// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a machine can do, as data. Emitters and the schedule model do arithmetic
// over these numbers and never ask for an ISA by name, so a new machine is one
// more entry here. Lives below both the schedule model and the code generator.
//
// Features are explicit. A CPU name is only ever given to LLVM as `tune-cpu`:
// `target-cpu=znver4` emits zmm code even where only AVX2 was allowed.

#ifndef SINTER_DIALECTS_TARGET_TARGET_H
#define SINTER_DIALECTS_TARGET_TARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace sinter::cpu {

/// One kind of short dot product: `group` products of a and b summed into acc.
struct Dot {
  enum class Exactness { Exact, SaturatesInt16 };
  llvm::StringRef a, b,
      acc; // element types: "u8", "s8", "s16", "s32", "bf16", "f32"
  llvm::StringRef prim; // name of the primitive operation
  unsigned group;
  double macsPerCycle; // measured, per core
  Exactness exactness;
};

struct Cache {
  int64_t bytes;
  unsigned ways, lineBytes;
};

struct Target {
  struct Vector {
    unsigned bits, registers, maskRegisters;
    bool memoryBroadcast; // an FMA may broadcast its memory operand
    bool cheapMasks;      // masked loads and stores cost as plain ones
    bool convertsHalf;    // f16 to f32 and back
  };
  struct Core {
    unsigned fmaLatency, fmaPorts, loadPorts, storePorts;
    unsigned addressRegisters; // general registers a hot loop may use
  };

  llvm::StringRef
      isa; // "x86-64-v3": the name in schedules, options and objects
  /// The target whose shipped schedules hold here as well; empty: none.
  llvm::StringRef recordsOf;
  llvm::StringRef triple;
  llvm::StringRef tuneCpu;
  llvm::SmallVector<llvm::StringRef, 32>
      features; // without sign; all others are off
  Vector vec;
  Core core;
  llvm::SmallVector<Dot, 4> dots;
  llvm::SmallVector<Cache, 3> caches; // L1 data, L2, L3 share of a core

  /// Elements of `elementBits` in one register.
  unsigned lanes(unsigned elementBits = 32) const {
    return vec.bits / elementBits;
  }
  bool has(llvm::StringRef feature) const;
  /// The primitive of that name; null where the machine has none.
  const Dot *dotOf(llvm::StringRef prim) const;
  /// "+avx2,+fma,...", as LLVM's target-features attribute wants it.
  std::string featureString() const;
};

/// All targets, the narrowest first.
llvm::ArrayRef<Target> allTargets();

/// Null when there is no target of that name.
const Target *findTarget(llvm::StringRef isa);

/// `target` as narrow as code with the same bits can be: vectors of 128 bits,
/// no masks, nothing beyond x86-64-v3. For a kernel that LLVM cannot compile as
/// it should be.
Target plainTarget(const Target &target);

/// `target` with no primitive beyond those of x86-64-v3: the rest is written
/// out.
Target emulatedTarget(const Target &target);

/// True when this machine (CPUID and XCR0) has every feature of `target`;
/// otherwise `missing`, when given, names one it lacks.
bool hostSupports(const Target &target, std::string *missing = nullptr);

/// The widest target this machine supports; null on a machine below all.
const Target *hostTarget();

} // namespace sinter::cpu

#endif // SINTER_DIALECTS_TARGET_TARGET_H
