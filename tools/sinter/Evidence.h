// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What equal outputs prove. NaN equals NaN, so a model that makes nothing else
// of its inputs agrees with everything; an output that is empty, or one number
// everywhere, agrees with most. Over all cases of a comparison, by output.
#ifndef SINTER_TOOLS_SINTER_EVIDENCE_H
#define SINTER_TOOLS_SINTER_EVIDENCE_H

#include "tools/sinter/HostTensor.h"
#include <map>

namespace sinter {

class Evidence {
public:
  /// The outputs of one case.
  void add(const std::vector<HostTensor> &outputs);
  /// Every element of every output was NaN: nothing was compared.
  bool isNone() const;
  /// A sentence for each output that proves little, and what to do about it.
  std::vector<std::string> warnings() const;

private:
  struct Seen {
    uint64_t elements = 0, nans = 0, infinities = 0;
    double first = 0;
    bool isFloat = false, varies = false;
  };
  static std::string warningOf(const Seen &seen);

  std::map<std::string, Seen> outputs; // by name
};

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_EVIDENCE_H
