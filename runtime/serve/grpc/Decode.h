// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ModelInferRequest -> Request. Tensors point into the message, which travels
// with them; only typed contents narrower than their field are copied. Whether
// the model has such an input is the engine's question; whether bytes and shape
// belong together is answered here.
#ifndef SINTER_SERVE_GRPC_DECODE_H
#define SINTER_SERVE_GRPC_DECODE_H

#include "runtime/serve/engine/Request.h"
#include "runtime/serve/grpc/Inference.pb.h"
#include "runtime/serve/protocol/Infer.h"

#include <memory>
#include <optional>

namespace sinter::serve {

using SharedMessage = std::shared_ptr<const inference::ModelInferRequest>;

/// Fills all of `out` but done, client and trace. received must be set before:
/// a timeout counts from there. wishes: one for each output that was named.
/// shared may be null: then a reference to shared memory is unsupported.
Status decodeRequest(const SharedMessage &message, const SharedMemory *shared,
                     Request &out, std::vector<OutputWish> &wishes);

/// A number from the parameters, whichever integer field the client chose.
std::optional<uint64_t> integerParameter(
    const google::protobuf::Map<std::string, inference::InferParameter>
        &parameters,
    const std::string &name);

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_DECODE_H
