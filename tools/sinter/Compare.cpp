// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparing tensors by name. NaN equals NaN, an infinity equals itself;
// anything else that is not finite makes the error infinite.
#include "tools/sinter/Compare.h"

#include "sinter/sinter.h"
#include <cmath>
#include <limits>

using namespace sinter;

static constexpr double infinity = std::numeric_limits<double>::infinity();

static Difference mismatch(const std::string &output,
                           const std::string &problem) {
  Difference difference;
  difference.error = infinity;
  difference.output = output;
  difference.problem = problem;
  return difference;
}

/// Equal or not: there is no near.
static Difference compareTexts(const HostTensor &found,
                               const HostTensor &expected) {
  std::vector<llvm::StringRef> a = textsOf(found), b = textsOf(expected);
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i])
      return mismatch(found.name, "element " + std::to_string(i) + " is '" +
                                      a[i].str() + "', expected '" +
                                      b[i].str() + "'");
  Difference none;
  none.output = found.name;
  none.magnitude = 1;
  return none;
}

static Difference compareOne(const HostTensor &found,
                             const HostTensor &expected) {
  if (found.dims != expected.dims)
    return mismatch(found.name, "its shape is " + shapeText(found.dims) +
                                    ", expected " + shapeText(expected.dims));
  std::vector<double> a = asDoubles(found), b = asDoubles(expected);
  bool isText = found.dtype == SINTER_STRING;
  if (a.size() != b.size() || isText != (expected.dtype == SINTER_STRING))
    return mismatch(found.name, std::string("its type is ") +
                                    dtypeName(found.dtype) + ", expected " +
                                    dtypeName(expected.dtype));
  if (isText)
    return compareTexts(found, expected);
  double largest = 0;
  for (double value : b)
    if (std::isfinite(value))
      largest = std::max(largest, std::fabs(value));
  Difference worst;
  worst.output = found.name;
  worst.magnitude = largest > 0 ? largest : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))
      continue;
    double error = std::fabs(a[i] - b[i]) / worst.magnitude;
    if (!std::isfinite(error))
      error = infinity;
    if (error > worst.error) {
      worst.error = error;
      worst.element = i;
      worst.found = a[i];
      worst.expected = b[i];
    }
  }
  return worst;
}

std::vector<Difference>
sinter::differences(const std::vector<HostTensor> &found,
                    const std::vector<HostTensor> &expected) {
  std::vector<Difference> result;
  for (const HostTensor &reference : expected) {
    const HostTensor *match = nullptr;
    for (const HostTensor &candidate : found)
      if (candidate.name == reference.name)
        match = &candidate;
    result.push_back(match ? compareOne(*match, reference)
                           : mismatch(reference.name, "it is missing"));
  }
  return result;
}

Difference sinter::largestError(const std::vector<HostTensor> &found,
                                const std::vector<HostTensor> &expected) {
  Difference worst;
  for (const Difference &difference : differences(found, expected))
    if (worst.output.empty() || difference.error > worst.error)
      worst = difference;
  return worst;
}

llvm::json::Value sinter::jsonNumber(double value) {
  return std::isfinite(value) ? llvm::json::Value(value)
                              : llvm::json::Value(nullptr);
}
