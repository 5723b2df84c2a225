// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/Call.h"

namespace sinter::serve {

void Call::begin() { loop.enter(); }

void Call::finish(const grpc::Status &status) {
  loop.post([this, status] {
    loop.writeBegins(context, bytesToSend());
    sendStatus(status, &finished);
  });
}

void Call::end(bool) {
  if (context.IsCancelled() && handler)
    handler->onCancel();
  leave();
}

void Call::leave() {
  if (--pending > 0)
    return;
  if (std::shared_ptr<CallHandler> told = std::move(handler))
    told->onDone();
  Loop &left = loop;
  delete this;
  left.leave();
}

} // namespace sinter::serve
