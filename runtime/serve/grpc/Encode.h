// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the engine says -> messages. Outputs are always raw, in the order of
// `outputs`: tritonclient reads nothing else.
#ifndef SINTER_SERVE_GRPC_ENCODE_H
#define SINTER_SERVE_GRPC_ENCODE_H

#include "runtime/serve/engine/Description.h"
#include "runtime/serve/engine/Request.h"
#include "runtime/serve/grpc/Inference.pb.h"
#include "runtime/serve/protocol/Infer.h"
#include "runtime/serve/protocol/Metadata.h"

#include <grpcpp/support/status.h>

namespace sinter::serve {

grpc::Status toGrpc(const Status &status);

/// wishes: none, or one for each output of the response; batched: dimension 0
/// counts rows, for a classification.
Status encodeResponse(const Response &response, const std::string &id,
                      const std::vector<OutputWish> &wishes, bool batched,
                      const SharedMemory *shared,
                      inference::ModelInferResponse &out);
void encodeMetadata(const ModelDescription &model,
                    inference::ModelMetadataResponse &out);
void encodeConfig(const ModelDescription &model, const BatchingConfig &batching,
                  inference::ModelConfig &out);
void encodeStatistics(const ModelStatistics &from,
                      inference::ModelStatistics &out);

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_ENCODE_H
