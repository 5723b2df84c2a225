// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of targets. Feature lists are the x86-64 psABI levels, written out.
// Rates of dot products were measured on Zen 3 (v3) and Emerald Rapids (v4).

#include "dialects/target/Target.h"
#include "dialects/target/Emulation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

namespace sinter::cpu {
namespace {

constexpr llvm::StringLiteral kLevel2[] = {
    "cx8",    "cmov",   "fxsr", "mmx",  "sse",    "sse2",  "sse3", "ssse3",
    "sse4.1", "sse4.2", "cx16", "sahf", "popcnt", "crc32", "64bit"};
constexpr llvm::StringLiteral kLevel3[] = {
    "avx", "avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe", "xsave"};
constexpr llvm::StringLiteral kLevel4[] = {"avx512f",  "avx512bw", "avx512cd",
                                           "avx512dq", "avx512vl", "evex512"};

// Names that LLVM's feature attribute knows but its host detection does not
// report, because every 64-bit processor has them.
constexpr llvm::StringLiteral kImplied[] = {"64bit", "cmov", "evex512", "cx8",
                                            "fxsr",  "mmx",  "sse",     "sse2"};

// Without FMA: a product is rounded before it is added, so results are not the
// bits of the other levels.
Target level2() {
  Target t;
  t.isa = "x86-64-v2";
  t.triple = "x86_64-unknown-linux-gnu";
  t.tuneCpu = "x86-64-v2";
  t.features.append(std::begin(kLevel2), std::end(kLevel2));
  t.vec = {128, 16, 0, false, false, false};
  t.core = {8, 1, 1, 1, 15};
  t.caches = {{32 << 10, 8, 64}, {256 << 10, 8, 64}, {2 << 20, 16, 64}};
  return t;
}

Target level3() {
  Target t = level2();
  t.isa = "x86-64-v3";
  t.tuneCpu = "znver3";
  t.features.append(std::begin(kLevel3), std::end(kLevel3));
  t.vec = {256, 16, 0, false, false, true};
  t.core = {4, 2, 2, 1, 15};
  t.dots = {
      {"u8", "s8", "s32", "maddubs", 4, 30.0, Dot::Exactness::SaturatesInt16},
      {"s16", "s16", "s32", "maddwd", 2, 24.0, Dot::Exactness::Exact}};
  t.caches = {{32 << 10, 8, 64}, {512 << 10, 8, 64}, {4 << 20, 16, 64}};
  return t;
}

Target level4() {
  Target t = level3();
  t.isa = "x86-64-v4";
  // A common denominator: LLVM's model of Zen 4 schedules both makers' cores
  // well.
  t.tuneCpu = "znver4";
  t.features.append(std::begin(kLevel4), std::end(kLevel4));
  t.vec = {512, 32, 7, true, true, true};
  t.core = {4, 2, 2, 1, 15};
  t.dots = {
      {"u8", "s8", "s32", "maddubs", 4, 60.0, Dot::Exactness::SaturatesInt16},
      {"s16", "s16", "s32", "maddwd", 2, 48.0, Dot::Exactness::Exact}};
  t.caches = {{32 << 10, 8, 64}, {1 << 20, 8, 64}, {4 << 20, 16, 64}};
  return t;
}

// Dot products of four bytes, as every x86 server since Cascade Lake and Zen 4
// has them.
Target level4Vnni() {
  Target t = level4();
  t.isa = "x86-64-v4-vnni";
  t.recordsOf = "x86-64-v4";
  t.features.push_back("avx512vnni");
  t.dots.insert(t.dots.begin(),
                {"u8", "s8", "s32", "dot4", 4, 64.0, Dot::Exactness::Exact});
  return t;
}

// NEON, which every 64-bit Arm has. Code is made for it and its shape is right,
// but no object carries it yet: it has run on no machine.
Target arm() {
  Target t;
  t.isa = "armv8-a";
  t.triple = "aarch64-unknown-linux-gnu";
  t.tuneCpu = "neoverse-n1";
  t.features = {"fp-armv8", "neon"};
  t.vec = {128, 32, 0, false, false, true};
  t.core = {4, 2, 2, 1, 24};
  t.caches = {{64 << 10, 4, 64}, {1 << 20, 8, 64}, {2 << 20, 16, 64}};
  return t;
}

} // namespace

bool Target::has(llvm::StringRef feature) const {
  return llvm::is_contained(features, feature);
}

const Dot *Target::dotOf(llvm::StringRef prim) const {
  for (const Dot &dot : dots)
    if (dot.prim == prim)
      return &dot;
  return nullptr;
}

std::string Target::featureString() const {
  std::string text;
  for (llvm::StringRef feature : features) {
    if (!text.empty())
      text += ',';
    text += '+';
    text += feature;
  }
  return text;
}

llvm::ArrayRef<Target> allTargets() {
  static const Target targets[] = {level2(), level3(), level4(), level4Vnni()};
  return targets;
}

const Target *findTarget(llvm::StringRef isa) {
  isa.consume_back(kEmulatedSuffix);
  for (const Target &target : allTargets())
    if (target.isa == isa)
      return &target;
  static const Target cross = arm();
  return cross.isa == isa ? &cross : nullptr;
}

Target plainTarget(const Target &target) {
  Target plain = target;
  if (target.has("avx512f"))
    plain.features = level3().features;
  plain.vec = level2().vec;
  plain.dots.clear();
  return plain;
}

Target emulatedTarget(const Target &target) {
  Target emulated = target;
  emulated.dots = level3().dots;
  return emulated;
}

bool hostSupports(const Target &target, std::string *missing) {
  // Reads CPUID, and XCR0 for the register state the system saves.
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (llvm::StringRef feature : target.features) {
    if (llvm::is_contained(kImplied, feature) || host.lookup(feature))
      continue;
    if (missing)
      *missing = feature.str();
    return false;
  }
  return true;
}

const Target *hostTarget() {
  const Target *best = nullptr;
  for (const Target &target : allTargets())
    if (hostSupports(target))
      best = &target;
  return best;
}

} // namespace sinter::cpu
