// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bundle as one file: an uncompressed tar of at most four members, so that
// any tar can make and read it. The same archive, with a footer behind it, is
// what turns the server's executable into a .serve file:
//
//   executable | padding to a page | tar | footer: magic, where the tar is
//
// Members are described, not read: who wants their bytes copies them out of the
// descriptor into memory that nobody else can change.
#ifndef SINTER_SERVE_BUNDLE_ARCHIVE_H
#define SINTER_SERVE_BUNDLE_ARCHIVE_H

#include "runtime/serve/engine/Status.h"

#include <map>
#include <string>
#include <vector>

namespace sinter::serve {

/// Where a member's bytes lie in the file.
struct Member {
  uint64_t offset = 0, bytes = 0;
};
using Members = std::map<std::string, Member>;

/// model.so, manifest.json, golden.npz, SIGNATURE; any other name is a fault,
/// and so is a member that repeats or reaches past `bytes`.
Status readArchive(int file, uint64_t offset, uint64_t bytes, Members &out);

/// The footer of a .serve file; isThere is false for a plain executable.
struct Appendix {
  bool isThere = false;
  uint64_t offset = 0, bytes = 0;
};
Status findAppendix(int file, Appendix &out);

struct NewMember {
  std::string name;
  int file = -1;    ///< its bytes, all of them; or
  std::string text; ///< these, when file is -1
};
/// Writes the archive at the file's position. Times and owners are fixed: equal
/// members make equal archives.
Status writeArchive(int file, const std::vector<NewMember> &members);
/// Pads, writes the archive and the footer behind what the file holds.
Status appendBundle(int file, const std::vector<NewMember> &members);

/// All bytes of `from`, or of a text, to the position of `to`.
Status copyWhole(int from, int to);
Status writeWhole(const std::string &text, int to);

/// All bytes of [offset, offset + bytes) into a sealed memory file.
Status copyToMemory(int file, const Member &member, const char *name, int &out);
/// The same as text, for members that are small.
Status readMember(int file, const Member &member, std::string &out);

} // namespace sinter::serve

#endif // SINTER_SERVE_BUNDLE_ARCHIVE_H
