// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations are rows of the scalar-op table; those with parameters take the
// operation's alpha and beta as splats.

#include "codegen/cpu/RecurrentCell.h"
#include "codegen/cpu/VectorMath.h"
#include "dialects/Support/Check.h"

using namespace mlir;

namespace sinter::cpu {

Value RecurrentCell::activation(unsigned i, Value x) {
  std::optional<scalar::Kind> kind =
      scalar::kindOf(cast<StringAttr>(op.getActivations()[i]).getValue());
  SINTER_CHECK(kind && scalar::rowOf(*kind).arity <= 3,
               "activations were verified");
  auto parameter = [&](ArrayRef<double> values) {
    return Vec(kb, x).number(i < values.size() ? values[i] : 0.0).value;
  };
  Value operands[] = {x, parameter(op.getAlphas()), parameter(op.getBetas())};
  return emitScalar(kb, *kind,
                    ArrayRef(operands).take_front(scalar::rowOf(*kind).arity),
                    /*isUnsigned=*/false);
}

Value RecurrentCell::activate(unsigned i, Value sum) {
  double clip = op.getClip() ? op.getClip()->convertToDouble() : 0;
  if (clip > 0) {
    Vec x(kb, sum);
    sum = minKeepingFirst(maxKeepingFirst(x, x.number(-clip)), x.number(clip))
              .value;
  }
  return activation(i, sum);
}

Value RecurrentCell::peep(Value weight, Value c, Value sum) {
  return weight ? kb.fma(weight, c, sum) : sum;
}

RecurrentCell::State RecurrentCell::lstm(ArrayRef<Value> gates, Value c,
                                         const Peepholes &peepholes) {
  Vec input(kb, activate(0, peep(peepholes.input, c, gates[0])));
  Vec forget = op.getInputForget()
                   ? 1.0 - input
                   : Vec(kb, activate(0, peep(peepholes.forget, c, gates[2])));
  Vec candidate(kb, activate(1, gates[3]));
  Vec next = fma(forget, Vec(kb, c), input * candidate);
  Vec output(kb, activate(0, peep(peepholes.output, next.value, gates[1])));
  Vec squashed(kb, activation(2, next.value));
  return {(output * squashed).value, next.value};
}

Value RecurrentCell::gruGate(Value sum) { return activate(0, sum); }

Value RecurrentCell::gru(Value update, Value candidateSum, Value h) {
  Vec z(kb, update), candidate(kb, activate(1, candidateSum));
  return fma(1.0 - z, candidate, z * Vec(kb, h)).value;
}

Value RecurrentCell::rnn(Value sum) { return activate(0, sum); }

} // namespace sinter::cpu
