// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every connection takes a file descriptor, and so does everything a server
// must still do when clients have taken the rest: load a version, keep a label,
// add to the audit log. So the last few are not given to connections.
#ifndef SINTER_SERVE_PROTECT_DESCRIPTORS_H
#define SINTER_SERVE_PROTECT_DESCRIPTORS_H

namespace sinter::serve {

/// Whether a descriptor that was just made for a connection is one of those to
/// keep: the kernel gives the lowest free number, so a high one says that few
/// are left.
bool isReservedDescriptor(int descriptor);

/// Whether accept() failed for the sake of one connection, which is gone, so
/// that the next may be asked for at once. After any other fault nothing helps
/// but time, without which the loop around accept() would spin.
bool isOneConnectionsFault(int error);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_DESCRIPTORS_H
