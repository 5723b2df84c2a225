// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function a message, by field number. Subgraphs nest, so the depth is
// limited; a hostile file of millions of empty messages is stopped by a budget.
#include "compiler/import/Proto.h"

#include "compiler/import/WireReader.h"

#include <cstring>

namespace sinter::onnx {
namespace {

class Parser {
public:
  const char *problem = nullptr;

  bool model(Text bytes, Model &out);
  bool tensor(Text bytes, Tensor &out);

private:
  static constexpr unsigned maxDepth = 64;
  static constexpr uint64_t maxMessages = 8'000'000;
  unsigned depth = 0;
  uint64_t messages = 0;

  bool fail(const char *what) {
    problem = problem ? problem : what;
    return false;
  }

  // Calls handle(field) for each field; false stops with a problem.
  template <typename Handle> bool message(Text bytes, Handle handle) {
    if (++messages > maxMessages)
      return fail("it holds more than 8 million messages");
    if (depth == maxDepth)
      return fail("its messages nest deeper than 64 levels");
    ++depth;
    WireReader reader(bytes);
    Field field;
    while (reader.next(field))
      if (!handle(field))
        return fail("a field has the wrong wire type");
    --depth;
    return !reader.failed() || fail("it is cut off or not a protobuf message");
  }

  static bool text(const Field &field, Text &out) {
    out = field.bytes;
    return field.type == WireType::Bytes;
  }
  static bool text(const Field &field, Texts &out) {
    out.push_back(field.bytes);
    return field.type == WireType::Bytes;
  }
  static bool integer(const Field &field, int64_t &out) {
    out = field.asInt();
    return field.type == WireType::Varint;
  }
  template <typename T>
  bool each(const Field &field, std::vector<T> &out,
            bool (Parser::*parse)(Text, T &)) {
    return field.type == WireType::Bytes &&
           (this->*parse)(field.bytes, out.emplace_back());
  }

  bool pair(Text bytes, std::pair<Text, Text> &out);
  bool opset(Text bytes, Opset &out);
  bool dimension(Text bytes, Dimension &out);
  bool tensorType(Text bytes, Type &out);
  bool type(Text bytes, Type &out);
  bool wrapped(Text bytes, Type::Kind kind, Type &out);
  bool value(Text bytes, ValueInfo &out);
  bool sparse(Text bytes, SparseTensor &out);
  bool attribute(Text bytes, Attribute &out);
  bool node(Text bytes, Node &out);
  bool graph(Text bytes, Graph &out);
  bool function(Text bytes, Function &out);
};

bool Parser::pair(Text bytes, std::pair<Text, Text> &out) {
  return message(bytes, [&](const Field &field) {
    return field.number == 1   ? text(field, out.first)
           : field.number == 2 ? text(field, out.second)
                               : true;
  });
}

bool Parser::opset(Text bytes, Opset &out) {
  return message(bytes, [&](const Field &field) {
    return field.number == 1   ? text(field, out.domain)
           : field.number == 2 ? integer(field, out.version)
                               : true;
  });
}

bool Parser::dimension(Text bytes, Dimension &out) {
  return message(bytes, [&](const Field &field) {
    if (field.number == 1) {
      out.value = field.asInt();
      return field.type == WireType::Varint;
    }
    return field.number == 2 ? text(field, out.param) : true;
  });
}

bool Parser::tensorType(Text bytes, Type &out) {
  return message(bytes, [&](const Field &field) {
    if (field.number == 1) {
      out.element = static_cast<DataType>(field.asInt());
      return field.type == WireType::Varint;
    }
    if (field.number != 2)
      return true;
    out.shape.emplace();
    return field.type == WireType::Bytes &&
           message(field.bytes, [&](const Field &inner) {
             return inner.number != 1 ||
                    each(inner, *out.shape, &Parser::dimension);
           });
  });
}

bool Parser::wrapped(Text bytes, Type::Kind kind, Type &out) {
  bool isSequence = kind == Type::Kind::Sequence;
  Type inner;
  bool isFine = message(bytes, [&](const Field &field) {
    return field.number != 1 ||
           (field.type == WireType::Bytes && type(field.bytes, inner));
  });
  if (inner.kind == Type::Kind::Tensor ||
      (!isSequence && inner.kind == Type::Kind::Sequence)) {
    inner.held = inner.kind;
    out = std::move(inner);
    if (isSequence && out.shape)
      out.shape->insert(out.shape->begin(), Dimension());
  }
  out.kind = kind;
  return isFine;
}

bool Parser::type(Text bytes, Type &out) {
  return message(bytes, [&](const Field &field) {
    switch (field.number) {
    case 1:
      out.kind = Type::Kind::Tensor;
      return field.type == WireType::Bytes && tensorType(field.bytes, out);
    case 4:
      return field.type == WireType::Bytes &&
             wrapped(field.bytes, Type::Kind::Sequence, out);
    case 5:
      out.kind = Type::Kind::Map;
      return true;
    case 8:
      out.kind = Type::Kind::SparseTensor;
      return true;
    case 9:
      return field.type == WireType::Bytes &&
             wrapped(field.bytes, Type::Kind::Optional, out);
    default:
      return true;
    }
  });
}

bool Parser::value(Text bytes, ValueInfo &out) {
  return message(bytes, [&](const Field &field) {
    if (field.number == 1)
      return text(field, out.name);
    return field.number != 2 ||
           (field.type == WireType::Bytes && type(field.bytes, out.type));
  });
}

bool Parser::tensor(Text bytes, Tensor &out) {
  return message(bytes, [&](const Field &field) {
    int64_t number = field.asInt();
    switch (field.number) {
    case 1:
      return integersOf(field, out.dims);
    case 2:
      out.type = static_cast<DataType>(number);
      return field.type == WireType::Varint;
    case 3:
      out.isSegment = true;
      return true;
    case 4:
      out.floats.push_back(field.bytes);
      return true;
    case 5:
      out.ints32.push_back(field.bytes);
      return true;
    case 6:
      return text(field, out.strings);
    case 7:
      out.ints64.push_back(field.bytes);
      return true;
    case 8:
      return text(field, out.name);
    case 9:
      out.raw = field.bytes;
      return field.type == WireType::Bytes;
    case 10:
      out.doubles.push_back(field.bytes);
      return true;
    case 11:
      out.uints64.push_back(field.bytes);
      return true;
    case 13:
      return each(field, out.external, &Parser::pair);
    case 14:
      out.isExternal = number == 1;
      return field.type == WireType::Varint;
    default:
      return true;
    }
  });
}

bool Parser::sparse(Text bytes, SparseTensor &out) {
  return message(bytes, [&](const Field &field) {
    switch (field.number) {
    case 1:
      return field.type == WireType::Bytes && tensor(field.bytes, out.values);
    case 2:
      return field.type == WireType::Bytes && tensor(field.bytes, out.indices);
    case 3:
      return integersOf(field, out.dims);
    default:
      return true;
    }
  });
}

bool Parser::attribute(Text bytes, Attribute &out) {
  return message(bytes, [&](const Field &field) {
    switch (field.number) {
    case 1:
      return text(field, out.name);
    case 2:
      out.f = field.asFloat();
      return field.type == WireType::Fixed32;
    case 3:
      return integer(field, out.i);
    case 4:
      return text(field, out.s);
    case 5:
    case 10:
      return each(field, out.tensors, &Parser::tensor);
    case 6:
    case 11:
      return each(field, out.graphs, &Parser::graph);
    case 7:
      return realsOf(field, out.floats);
    case 8:
      return integersOf(field, out.ints);
    case 9:
      return text(field, out.strings);
    case 20:
      out.type = static_cast<int32_t>(field.asInt());
      return field.type == WireType::Varint;
    case 21:
      return text(field, out.reference);
    case 22:
    case 23:
      return each(field, out.sparse, &Parser::sparse);
    default:
      return true;
    }
  });
}

bool Parser::node(Text bytes, Node &out) {
  return message(bytes, [&](const Field &field) {
    switch (field.number) {
    case 1:
      return text(field, out.inputs);
    case 2:
      return text(field, out.outputs);
    case 3:
      return text(field, out.name);
    case 4:
      return text(field, out.op);
    case 5:
      return each(field, out.attributes, &Parser::attribute);
    case 7:
      return text(field, out.domain);
    case 8:
      return text(field, out.overload);
    default:
      return true;
    }
  });
}

bool Parser::graph(Text bytes, Graph &out) {
  return message(bytes, [&](const Field &field) {
    switch (field.number) {
    case 1:
      return each(field, out.nodes, &Parser::node);
    case 2:
      return text(field, out.name);
    case 5:
      return each(field, out.initializers, &Parser::tensor);
    case 11:
      return each(field, out.inputs, &Parser::value);
    case 12:
      return each(field, out.outputs, &Parser::value);
    case 13:
      return each(field, out.values, &Parser::value);
    case 15:
      return each(field, out.sparseInitializers, &Parser::sparse);
    default:
      return true;
    }
  });
}

bool Parser::function(Text bytes, Function &out) {
  return message(bytes, [&](const Field &field) {
    switch (field.number) {
    case 1:
      return text(field, out.name);
    case 4:
      return text(field, out.inputs);
    case 5:
      return text(field, out.outputs);
    case 6:
      return text(field, out.attributes);
    case 7:
      return each(field, out.nodes, &Parser::node);
    case 9:
      return each(field, out.opsets, &Parser::opset);
    case 10:
      return text(field, out.domain);
    case 11:
      return each(field, out.defaults, &Parser::attribute);
    case 13:
      return text(field, out.overload);
    default:
      return true;
    }
  });
}

bool Parser::model(Text bytes, Model &out) {
  return message(bytes, [&](const Field &field) {
    switch (field.number) {
    case 1:
      return integer(field, out.irVersion);
    case 2:
      return text(field, out.producer);
    case 3:
      return text(field, out.producerVersion);
    case 7:
      out.graph.emplace();
      return field.type == WireType::Bytes && graph(field.bytes, *out.graph);
    case 8:
      return each(field, out.opsets, &Parser::opset);
    case 14:
      return each(field, out.metadata, &Parser::pair);
    case 25:
      return each(field, out.functions, &Parser::function);
    default:
      return true;
    }
  });
}

} // namespace

bool parseModel(Text bytes, Model &model, const char *&problem) {
  Parser parser;
  bool isFine = parser.model(bytes, model);
  problem = parser.problem;
  return isFine;
}

bool parseTensor(Text bytes, Tensor &tensor, const char *&problem) {
  Parser parser;
  bool isFine = parser.tensor(bytes, tensor);
  problem = parser.problem;
  return isFine;
}

} // namespace sinter::onnx
