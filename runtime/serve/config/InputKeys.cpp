// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What may be said of one input of a model: an operator who knows what is sent
// allows that and nothing else.
#include "runtime/serve/config/Schema.h"

#include <charconv>
#include <sstream>

namespace sinter::serve {

using Value = ParsedValue;
using Model = ModelOptions;

bool readShapes(const std::string &text,
                std::vector<std::vector<int64_t>> &shapes) {
  std::stringstream list(text);
  for (std::string shape; std::getline(list, shape, ',');) {
    shapes.emplace_back();
    std::stringstream dims(shape + "x");
    for (std::string dim; std::getline(dims, dim, 'x');) {
      const char *end = dim.data() + dim.size();
      int64_t number = -1;
      auto [stop, error] = std::from_chars(dim.data(), end, number);
      bool isNumber = error == std::errc() && stop == end && number >= 0;
      if ((!isNumber && dim != "?") || shapes.back().size() == 8)
        return false;
      shapes.back().push_back(isNumber ? number : -1);
    }
  }
  return true;
}

const std::vector<KeyRow<Model::InputRule>> &inputKeys() {
  using K = KeyKind;
  using Rule = Model::InputRule;
  static const std::vector<KeyRow<Rule>> rows = {
      {"shapes", K::shapes, "", "shapes that are allowed, ? = any; empty = all",
       [](Rule &r, const Value &v) { r.shapes = v.shapes; }, true},
      {"finite", K::boolean, "false", "no NaN and no infinity",
       [](Rule &r, const Value &v) { r.finite = v.boolean; }, true},
      {"min", K::signedReal, "", "least value that is allowed",
       [](Rule &r, const Value &v) {
         r.min = v.real;
         r.ranged = true;
       },
       true},
      {"max", K::signedReal, "", "greatest value that is allowed",
       [](Rule &r, const Value &v) {
         r.max = v.real;
         r.ranged = true;
       },
       true},
  };
  return rows;
}

} // namespace sinter::serve
