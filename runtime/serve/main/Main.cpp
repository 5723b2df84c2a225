// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sinter-server: what `sinter serve` starts, and the first part of every .serve
// file.
#include "runtime/serve/main/Server.h"

int main(int argc, char **argv) { return sinter::serve::runServer(argc, argv); }
