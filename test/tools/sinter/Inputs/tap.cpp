// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A user's program that looks at inner tensors by sinter_tap(): each has the
// bits of the output that carries it too.
#include "tapped.hpp"

#include <cstdio>
#include <cstring>
#include <vector>

struct Seen {
  const sinter_model *model;
  std::vector<std::vector<float>> tensors;
};

static void show(void *self, uint32_t node, const sinter_tensor *tensor) {
  auto *seen = static_cast<Seen *>(self);
  const float *values = static_cast<const float *>(tensor->data);
  int64_t count = tensor->dim[0] * tensor->dim[1];
  seen->tensors.emplace_back(values, values + count);
  std::printf("%s %lldx%lld\n", sinter_node_name(seen->model, node),
              static_cast<long long>(tensor->dim[0]),
              static_cast<long long>(tensor->dim[1]));
}

int main() {
  std::vector<float> rows(192, 0.5f);
  auto program = sinter::Program::open(tapped::model(), 1);
  if (!program)
    return 1;
  auto context = tapped::Context::make(*program);
  Seen seen = {tapped::model(), {}};
  if (!context || context->x(rows, 3))
    return 2;
  sinter_tap(context->native().get(), show, &seen);
  auto out = context->run();
  if (!out || seen.tensors.size() != 2 || out->bias.size != 144 ||
      out->relu.size != 144)
    return 3;
  bool isSame = std::memcmp(seen.tensors[0].data(), &out->bias[0], 576) == 0 &&
                std::memcmp(seen.tensors[1].data(), &out->relu[0], 576) == 0;
  sinter_tap(context->native().get(), nullptr, nullptr);
  return isSame && context->run() && seen.tensors.size() == 2 ? 0 : 4;
}
