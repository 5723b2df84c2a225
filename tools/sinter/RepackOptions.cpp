// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/RepackOptions.h"

#include "compiler/report/UserError.h"
#include "tools/sinter/Json.h"
#include "llvm/Support/FormatVariadic.h"

using namespace sinter;
namespace json = llvm::json;

static std::vector<std::string> textsAt(const json::Object &object,
                                        llvm::StringRef key) {
  std::vector<std::string> texts;
  for (const json::Value &value : arrayAt(object, key))
    if (auto text = value.getAsString())
      texts.push_back(text->str());
  return texts;
}

llvm::Error sinter::readRepackOptions(const json::Object &manifest,
                                      CompileOptions &compile) {
  const json::Object *options = manifest.getObject("options"),
                     *program = manifest.getObject("program");
  if (!options || !program)
    return userError(ErrorCode::R001,
                     "the object does not say how it was compiled",
                     "Compile it again: it is of an older compiler.");
  compile.isas = textsAt(manifest, "isas");
  for (const std::string &text : textsAt(*options, "shapes")) {
    auto shape = parseShapeOption(text);
    if (!shape)
      return shape.takeError();
    compile.shapes.push_back(*shape);
  }
  for (const std::string &text : textsAt(*options, "dims")) {
    auto dim = parseDimOption(text);
    if (!dim)
      return dim.takeError();
    compile.dims.push_back(*dim);
  }
  compile.taps = textsAt(*options, "taps");
  compile.exact = options->getBoolean("exact").value_or(false);
  compile.maxSlack =
      options->getInteger("max_slack").value_or(compile.maxSlack);
  for (const json::Value &rows : arrayAt(*options, "batches"))
    compile.batches.push_back(rows.getAsInteger().value_or(1));
  compile.expectedProgram =
      llvm::formatv("{0}", json::Value(json::Object(*program)));
  return llvm::Error::success();
}
