// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Error records as sentences: status, where, what was found, what was expected,
// what to do. Records are made where no text can be (a real-time thread); this
// is called later, by whoever wants to read.

#define _GNU_SOURCE
#include "runtime/core/Runtime.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  char *to;
  size_t room;
  int length;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w,
                                                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  size_t used = (size_t)w->length < w->room ? (size_t)w->length : w->room;
  int n = vsnprintf(w->to ? w->to + used : 0, w->room - used, format, args);
  va_end(args);
  w->length += n > 0 ? n : 0;
}

static const char *status_text(sinter_status code) {
  static const char *const text[] = {"OK",
                                     "SINTER_E_ARG",
                                     "SINTER_E_SHAPE",
                                     "SINTER_E_DTYPE",
                                     "SINTER_E_MEMORY",
                                     "SINTER_E_ISA",
                                     "SINTER_E_ABI",
                                     "SINTER_E_DATA",
                                     "SINTER_E_CANCELLED",
                                     "SINTER_E_DEADLINE",
                                     "SINTER_E_BUSY",
                                     "SINTER_E_DEVICE",
                                     "SINTER_E_IO",
                                     "SINTER_E_CORRUPT"};
  return code <= 0 && code >= SINTER_E_CORRUPT ? text[-code] : "unknown status";
}

/* What happened, and the remedy; %1 and %2 stand for found and expected. */
typedef struct {
  const char *what, *remedy;
} sentence;

static const sentence reasons[SINTER_WHY_COUNT] = {
    [SINTER_WHY_DIM_EQUAL] = {"dimension is %1, expected %2",
                              "give inputs whose dimensions agree"},
    [SINTER_WHY_DIM_RANGE] = {"dimension is %1, the limit is %2",
                              "give inputs of another size"},
    [SINTER_WHY_BROADCAST] = {"dimension %1 does not broadcast to %2",
                              "give inputs whose dimensions are equal or 1"},
    [SINTER_WHY_RESHAPE] = {"%1 elements cannot take a shape of %2",
                            "give inputs of another size"},
    [SINTER_WHY_VALUE_RANGE] = {"value is %1, the limit is %2",
                                "give other input values"},
    [SINTER_WHY_OVERFLOW] = {"a size overflows or is divided by zero (%1, %2)",
                             "give smaller inputs"},
    [SINTER_WHY_INPUT_RANK] = {"rank is %1, expected %2",
                               "give a tensor of that rank"},
    [SINTER_WHY_INPUT_DIM] = {"dimension is %1, expected %2",
                              "give inputs whose dimensions agree"},
    [SINTER_WHY_SYMBOL_RANGE] =
        {"dimension is %1, the model was compiled up to the limit %2",
         "compile with another --dim range"},
    [SINTER_WHY_SYMBOL_DIVISOR] =
        {"dimension is %1, which is no multiple of %2",
         "pad the input, or compile without that divisor"},
    [SINTER_WHY_INPUT_DTYPE] = {"element type is %1, expected %2",
                                "convert the tensor"},
    [SINTER_WHY_NOT_SET] = {"no tensor is bound",
                            "call sinter_set for every input and output"},
    [SINTER_WHY_TENSOR_SMALL] = {"%1 bytes or elements, needed %2",
                                 "give more memory"},
    [SINTER_WHY_OUT_OF_SPACE] =
        {"a buffer at %1 lies outside its space of %2 bytes",
         "compile the model again"},
    [SINTER_WHY_SCRATCH] = {"%1 bytes of scratch memory, needed %2",
                            "ask sinter_need_of and give that much"},
    [SINTER_WHY_STATE] = {"%1 bytes of memory, needed %2",
                          "ask sinter_need_of and give that much"},
    [SINTER_WHY_ALLOC] = {"the allocator returned nothing for %2 bytes",
                          "free memory"},
    [SINTER_WHY_ALIGN] = {"memory is not aligned to %2 bytes", "align it"},
    [SINTER_WHY_SLOT] = {"there is no tensor %1",
                         "ask sinter_info_of for the count"},
    [SINTER_WHY_ENTRY] = {"there is no entry %1", "use entry 0"},
    [SINTER_WHY_NULL] = {"an argument is NULL", "pass it"},
    [SINTER_WHY_IMAGE] =
        {"the program image is damaged (section %1, element %2)",
         "copy or compile the model again"},
    [SINTER_WHY_IMAGE_HASH] =
        {"the program image is damaged: its checksum differs",
         "copy or compile the model again"},
    [SINTER_WHY_WEIGHTS_MISSING] =
        {"the weights file cannot be opened (errno %1)",
         "set weights_path in sinter_open_args"},
    [SINTER_WHY_WEIGHTS_SIZE] = {"the weights have %1 bytes, needed %2",
                                 "copy the weights file again"},
    [SINTER_WHY_WEIGHTS_ID] =
        {"the weights file belongs to another model or is no weights file",
         "use the file written beside this model"},
    [SINTER_WHY_NO_NOTE] =
        {"the file is no model, or cut off: it has no Sinter "
         "note, or less than all of its segments",
         "give a whole .so that `sinter compile` wrote"},
    [SINTER_WHY_DLOPEN] = {"dlopen refuses the file",
                           "see host->log, or try ldd"},
    [SINTER_WHY_OPEN] = {"the file cannot be opened (errno %1)",
                         "check path and permissions"},
    [SINTER_WHY_FAULT] = {"bad data in a kernel", "check the input values"},
    [SINTER_WHY_TEXT_NULL] = {"text %2 has a length of %1 bytes and no data",
                              "give each text its bytes"},
    [SINTER_WHY_TEXT_LONG] = {"a text has %1 bytes, the limit is %2",
                              "give shorter texts"},
    [SINTER_WHY_TEXT_COUNT] = {"the inputs hold %1 texts, the limit is %2",
                               "give smaller inputs"},
};

static void put_reason(writer *w, const char *text, const sinter_error *e) {
  for (; *text; ++text) {
    if (*text == '%' && (text[1] == '1' || text[1] == '2'))
      put(w, "%" PRId64, *++text == '1' ? e->found : e->expected);
    else
      put(w, "%c", *text);
  }
}

static void put_place(writer *w, const sinter_model *m, const sinter_error *e) {
  const char *node = m ? sinter_node_name(m, e->node) : 0;
  const sinter_image *image = m ? m->image : 0;
  if (node) {
    const sinter_image_node *nodes =
        (const void *)((const uint8_t *)image +
                       image->section[SINTER_SEC_NODES].offset);
    put(w, "node '%s' (%s): ", node,
        (const char *)image + image->section[SINTER_SEC_STRINGS].offset +
            nodes[e->node].op);
  }
  sinter_tensor_info t = {.size = sizeof t};
  if (m && e->arg != SINTER_NONE && !sinter_tensor_info_of(m, e->arg, &t)) {
    put(w, "%s '%s'", t.is_output ? "output" : "input", t.name);
    if (e->axis != SINTER_NONE)
      put(w, " axis %u", e->axis);
    put(w, ": ");
  }
}

static void put_bits(writer *w, uint64_t bits) {
  static const struct {
    uint64_t bit;
    const char *name;
  } names[] = {
#define SINTER_ISA_NAME(name, bit) {1ull << bit, #name},
      SINTER_ISA_FEATURES(SINTER_ISA_NAME)
#undef SINTER_ISA_NAME
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (bits & names[i].bit)
      put(w, " %s", names[i].name);
}

static void put_fault(writer *w, int64_t bits) {
  if (bits & SINTER_FAULT_INDEX)
    put(w, ": an index outside its axis");
  if (bits & SINTER_FAULT_DIVIDE)
    put(w, ": integer division by zero");
  if (bits & SINTER_FAULT_BOUND)
    put(w, ": a loop bound or size outside its limits");
  if (bits & SINTER_FAULT_VALUE)
    put(w, ": a value the operator forbids");
}

static void put_plain(writer *w, const sinter_error *e) {
  switch (e->code) {
  case SINTER_E_ISA:
    put(w, "this CPU or system lacks");
    put_bits(w, (uint64_t)e->expected);
    put(w, "; compile with --isa for this machine");
    break;
  case SINTER_E_ABI:
    put(w,
        "the model has ABI %" PRId64 ", this runtime %" PRId64
        "; link a newer libsinter",
        e->found, e->expected);
    break;
  case SINTER_E_CANCELLED:
    put(w, "sinter_cancel was called");
    break;
  case SINTER_E_DEADLINE:
    put(w, "the deadline passed");
    break;
  case SINTER_E_BUSY:
    put(w, "the context runs on another thread; use one context a thread");
    break;
  default:
    put(w, "found %" PRId64 ", expected %" PRId64, e->found, e->expected);
  }
}

int sinter_error_text(const sinter_model *model, const sinter_error *error,
                      char *buf, size_t n) {
  writer w = {n ? buf : 0, n, 0};
  if (model && model_check(model, 0))
    model = 0;
  /* names of a damaged image are not read */
  if (model && error->code == SINTER_E_CORRUPT &&
      model->walker->verify(model->image, model->image_bytes, 0))
    model = 0;
  put(&w, "%s: ", status_text(error->code));
  put_place(&w, model, error);
  if (error->reason >= SINTER_WHY_COUNT || !reasons[error->reason].what) {
    put_plain(&w, error);
    return w.length;
  }
  put_reason(&w, reasons[error->reason].what, error);
  if (error->reason == SINTER_WHY_FAULT)
    put_fault(&w, error->found);
  put(&w, "; %s", reasons[error->reason].remedy);
  return w.length;
}
