// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integers, bools and texts are often one value everywhere, and rightly so: a
// shape, a class, a mask. Only of floats that is worth a word.
#include "tools/sinter/Evidence.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include "sinter/sinter.h"
#include <cmath>

using namespace sinter;

void Evidence::add(const std::vector<HostTensor> &tensors) {
  for (const HostTensor &tensor : tensors) {
    Seen &seen = outputs[tensor.name];
    seen.isFloat = llvm::is_contained(
        {SINTER_F32, SINTER_F64, SINTER_F16, SINTER_BF16}, tensor.dtype);
    if (!seen.isFloat) {
      seen.elements += tensor.elements();
      continue;
    }
    for (double value : asDoubles(tensor)) {
      if (!seen.elements++)
        seen.first = value;
      seen.nans += std::isnan(value);
      seen.infinities += std::isinf(value);
      seen.varies |= value != seen.first;
    }
  }
}

bool Evidence::isNone() const {
  bool hasNan = false;
  for (const auto &[name, seen] : outputs) {
    if (seen.nans != seen.elements)
      return false;
    hasNan |= seen.nans > 0;
  }
  return hasNan;
}

std::string Evidence::warningOf(const Seen &seen) {
  if (!seen.elements)
    return "is empty in every case: only its shape was compared";
  if (seen.nans == seen.elements)
    return "is NaN everywhere, and so is its reference: no number of it was "
           "compared";
  if (seen.nans + seen.infinities == seen.elements)
    return "holds no finite number: only its infinities and NaNs were compared";
  if (!seen.isFloat || seen.varies || seen.elements == 1)
    return "";
  std::string text;
  llvm::raw_string_ostream(text) << "is " << llvm::format("%g", seen.first)
                                 << " everywhere in every case: a wrong model "
                                    "could say the same";
  return text;
}

std::vector<std::string> Evidence::warnings() const {
  std::vector<std::string> texts;
  for (const auto &[name, seen] : outputs)
    if (std::string text = warningOf(seen); !text.empty())
      texts.push_back("output '" + name + "' " + text);
  if (!texts.empty())
    texts.push_back("give inputs that the model is made for, with --inputs or "
                    "--data");
  return texts;
}
