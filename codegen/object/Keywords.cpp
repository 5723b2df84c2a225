// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Keywords.h. C11 and C++20 together: a header is read by either.

#include "codegen/object/Keywords.h"

#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace sinter {

bool isKeyword(StringRef word) {
  static const StringSet<> keywords = {
      "alignas",     "alignof",      "and",          "and_eq",
      "asm",         "auto",         "bitand",       "bitor",
      "bool",        "break",        "case",         "catch",
      "char",        "class",        "compl",        "concept",
      "const",       "consteval",    "constexpr",    "constinit",
      "const_cast",  "continue",     "co_await",     "co_return",
      "co_yield",    "decltype",     "default",      "delete",
      "do",          "double",       "dynamic_cast", "else",
      "enum",        "explicit",     "export",       "extern",
      "false",       "float",        "for",          "friend",
      "goto",        "if",           "inline",       "int",
      "long",        "mutable",      "namespace",    "new",
      "noexcept",    "not",          "not_eq",       "nullptr",
      "operator",    "or",           "or_eq",        "private",
      "protected",   "public",       "register",     "reinterpret_cast",
      "requires",    "restrict",     "return",       "short",
      "signed",      "sizeof",       "static",       "static_assert",
      "static_cast", "struct",       "switch",       "template",
      "this",        "thread_local", "throw",        "true",
      "try",         "typedef",      "typeid",       "typename",
      "union",       "unsigned",     "using",        "virtual",
      "void",        "volatile",     "wchar_t",      "while",
      "xor",         "xor_eq"};
  return keywords.contains(word);
}

} // namespace sinter
