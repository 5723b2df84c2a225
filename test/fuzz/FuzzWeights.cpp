// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the reader of .weights files. The input is the file's header, its
// length and how long the file really is; what opens must have all its bytes
// mapped.

#include "codegen/image/ImageBuilder.h"
#include "test/unit/ImageModel.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<uint8_t> image = [] {
    sinter::ImageBuilder b;
    std::vector<uint8_t> bytes;
    std::string error;
    b.setWeightsBytes(100);
    if (!b.finish(bytes, error))
      std::abort();
    return bytes;
  }();
  static const int fd = memfd_create("weights", 0);
  sinter_isa isa = {"fuzz", 0, nullptr};
  sinter_model model = sinter::modelOf(image, isa, "", nullptr, 100);
  if (size < 3)
    return 0;
  // Half of the files begin with the right magic, so that the rest is reached.
  sinter_weights_header header = {SINTER_WEIGHTS_MAGIC, 0, {}};
  std::memcpy(data[0] & 1 ? reinterpret_cast<char *>(&header)
                          : reinterpret_cast<char *>(&header.bytes),
              data + 3,
              std::min<size_t>(size - 3, data[0] & 1 ? sizeof header : 8));
  std::memcpy(model.weights_id, header.id, sizeof header.id);
  if (ftruncate(fd, 0) || ftruncate(fd, (data[1] | data[2] << 8) % 9000) ||
      pwrite(fd, &header,
             std::min<size_t>(sizeof header, (data[1] | data[2] << 8) % 9000),
             0) < 0)
    return 0;
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  sinter_open_args args = {};
  args.size = sizeof args;
  args.width = 1;
  args.weights_path = path.c_str();
  sinter_program *program = nullptr;
  sinter_error error = {};
  if (!sinter_program_open(&model, &args, nullptr, 0, &program, &error)) {
    if (program->weights_bytes < 100 || sinter_program_prefault(program, 0))
      std::abort();
    sinter_program_close(program);
  }
  return 0;
}
