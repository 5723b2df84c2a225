// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The program around a model that was compiled to an executable:
//
//   ./model IN.npz OUT.npz [--threads N] [--repeat N]
//
// "-" is stdin or stdout. --repeat runs again and prints the times to stderr.
// Exit codes are those of sinter: 0 ok, 2 usage, 4 data or shape, 5 machine.

#define _GNU_SOURCE
#include "runtime/npz/Npz.h"
#include "sinter/sinter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* The linker binds this to the model's function. */
const sinter_model *sinter_main_model(void);

enum { EXIT_USAGE = 2, EXIT_DATA = 4, EXIT_MACHINE = 5 };

typedef struct {
  const char *in, *out;
  long threads, repeat;
} options;

typedef struct {
  void *data;
  uint64_t bytes;
} buffer;

typedef struct {
  const sinter_model *model;
  sinter_info info;
  sinter_program *program;
  sinter_context *context;
  buffer scratch;
  buffer *outputs; /* one for each output */
  sinter_npz npz;
} session;

static int complain(const session *s, const sinter_error *error) {
  char text[1024];
  sinter_error_text(s->model, error, text, sizeof text);
  fprintf(stderr, "error: %s\n", text);
  switch (error->code) {
  case SINTER_E_SHAPE:
  case SINTER_E_DTYPE:
  case SINTER_E_DATA:
  case SINTER_E_ARG:
    return EXIT_DATA;
  default:
    return EXIT_MACHINE;
  }
}

static int usage(const char *program) {
  fprintf(stderr, "usage: %s IN.npz OUT.npz [--threads N] [--repeat N]\n",
          program);
  return EXIT_USAGE;
}

static int parse(int argc, char **argv, options *o) {
  options given = {0, 0, 0, 1};
  for (int i = 1; i < argc; ++i) {
    long *number = !strcmp(argv[i], "--threads")  ? &given.threads
                   : !strcmp(argv[i], "--repeat") ? &given.repeat
                                                  : 0;
    if (number) {
      char *end = 0;
      if (++i == argc || (*number = strtol(argv[i], &end, 10),
                          *end || *number < 0 || *number > 1000000000))
        return -1;
    } else if (argv[i][0] == '-' && argv[i][1]) {
      return -1;
    } else if (!given.in) {
      given.in = argv[i];
    } else if (!given.out) {
      given.out = argv[i];
    } else {
      return -1;
    }
  }
  *o = given;
  return given.in && given.out ? 0 : -1;
}

static int same_file(const char *a, const char *b) {
  struct stat x, y;
  return strcmp(a, "-") && strcmp(b, "-") && !stat(a, &x) && !stat(b, &y) &&
         S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The outputs go in the place of a file: neither of the inputs nor of this
 * program. */
static int check_output(const options *o) {
  const char *lost = same_file(o->out, o->in)              ? "the inputs"
                     : same_file(o->out, "/proc/self/exe") ? "this program"
                                                           : 0;
  if (!lost)
    return 0;
  fprintf(stderr, "error: '%s' would replace %s: give it another name\n",
          o->out, lost);
  return EXIT_USAGE;
}

static const sinter_npz_array *find(const sinter_npz *npz, const char *name) {
  for (uint32_t i = 0; i < npz->count; ++i)
    if (!strcmp(npz->arrays[i].name, name))
      return &npz->arrays[i];
  return 0;
}

static int bind_inputs(session *s) {
  for (uint32_t i = 0; i < s->info.n_inputs; ++i) {
    sinter_tensor_info info = {.size = sizeof info};
    sinter_tensor_info_of(s->model, i, &info);
    const sinter_npz_array *a = find(&s->npz, info.name);
    if (!a) {
      fprintf(stderr, "error: the input file has no array '%s'\n", info.name);
      return EXIT_DATA;
    }
    sinter_tensor t = {.data = (void *)a->data,
                       .bytes = a->bytes,
                       .rank = a->rank,
                       .dtype = a->dtype};
    memcpy(t.dim, a->dim, sizeof t.dim);
    sinter_status status = sinter_set(s->context, i, &t);
    if (status) {
      fprintf(stderr,
              "error: array '%s' does not fit the input: type %u and rank %u, "
              "expected %u and %u\n",
              info.name, a->dtype, a->rank, info.dtype, info.rank);
      return EXIT_DATA;
    }
  }
  return 0;
}

/* Every run asks again: what is large enough stays. The first run touches all
 * of an arena. Where it is large, in pages of 2 MB: a fault for each of
 * thousands of small ones costs more than a small model. */
static void *grow(void *self, uint64_t bytes, uint64_t align) {
  const uint64_t huge = 2u << 20;
  buffer *b = self;
  if (b->data && bytes <= b->bytes && (uintptr_t)b->data % align == 0)
    return b->data;
  free(b->data);
  *b = (buffer){0, 0};
  if (bytes >= 2 * huge && align < huge)
    align = huge;
  if (posix_memalign(&b->data, align, bytes ? bytes : 1))
    return b->data = 0;
  b->bytes = bytes;
  if (bytes >= 2 * huge)
    madvise(b->data, bytes, MADV_HUGEPAGE);
  return b->data;
}

/* Runs; when memory is missing, takes it and runs again. */
static int run(session *s) {
  sinter_error error;
  sinter_status status = sinter_run(s->context, &error);
  if (status == SINTER_E_MEMORY && error.arg == 0xFFFFFFFFu &&
      error.expected > error.found) {
    if (!grow(&s->scratch, (uint64_t)error.expected, 64)) {
      fprintf(stderr, "error: no memory: %lld bytes needed\n",
              (long long)error.expected);
      return EXIT_MACHINE;
    }
    sinter_set_scratch(s->context, s->scratch.data, (uint64_t)error.expected);
    status = sinter_run(s->context, &error);
  }
  return status ? complain(s, &error) : 0;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int run_all(session *s, const options *o) {
  double least = 0, sum = 0;
  for (long i = 0; i < (o->repeat ? o->repeat : 1); ++i) {
    double begin = seconds();
    int failed = run(s);
    if (failed)
      return failed;
    double time = seconds() - begin;
    least = i && least < time ? least : time;
    sum += time;
  }
  if (o->repeat > 1)
    fprintf(stderr, "%ld runs: least %.3f ms, mean %.3f ms\n", o->repeat,
            least * 1e3, sum / (double)o->repeat * 1e3);
  return 0;
}

static int write_outputs(const session *s, const char *path) {
  char error[512];
  sinter_npz_array *arrays = calloc(s->info.n_outputs + 1, sizeof *arrays);
  if (!arrays)
    return EXIT_MACHINE;
  for (uint32_t i = 0; i < s->info.n_outputs; ++i) {
    sinter_tensor t;
    sinter_tensor_info info = {.size = sizeof info};
    sinter_get(s->context, s->info.n_inputs + i, &t);
    sinter_tensor_info_of(s->model, s->info.n_inputs + i, &info);
    sinter_npz_array a = {.name = info.name,
                          .dtype = t.dtype,
                          .rank = t.rank,
                          .data = t.data,
                          .bytes = t.bytes};
    memcpy(a.dim, t.dim, sizeof a.dim);
    arrays[i] = a;
  }
  int failed =
      sinter_npz_write(path, arrays, s->info.n_outputs, error, sizeof error);
  if (failed)
    fprintf(stderr, "error: %s\n", error);
  free(arrays);
  return failed ? EXIT_MACHINE : 0;
}

static int open_session(session *s, const options *o) {
  sinter_error error;
  sinter_open_args args = {.size = sizeof args, .width = (uint32_t)o->threads};
  s->model = sinter_main_model();
  s->info.size = sizeof s->info;
  if (sinter_program_open(s->model, &args, 0, 0, &s->program, &error) ||
      sinter_context_init(s->program, 0, 0, 0, 0, 0, &s->context, &error))
    return complain(s, &error);
  sinter_info_of(s->model, &s->info);
  s->outputs = calloc(s->info.n_outputs + 1, sizeof *s->outputs);
  if (!s->outputs)
    return EXIT_MACHINE;
  for (uint32_t i = 0; i < s->info.n_outputs; ++i)
    sinter_set_alloc(s->context, s->info.n_inputs + i, grow, &s->outputs[i]);
  return 0;
}

static int work(session *s, const options *o) {
  char error[512];
  if (sinter_npz_read(o->in, &s->npz, error, sizeof error)) {
    fprintf(stderr, "error: %s\n", error);
    return EXIT_DATA;
  }
  int failed = open_session(s, o);
  failed = failed ? failed : bind_inputs(s);
  failed = failed ? failed : run_all(s, o);
  return failed ? failed : write_outputs(s, o->out);
}

int main(int argc, char **argv) {
  options o;
  session s = {0};
  if (parse(argc, argv, &o))
    return usage(argv[0]);
  int result = check_output(&o);
  result = result ? result : work(&s, &o);
  for (uint32_t i = 0; s.outputs && i < s.info.n_outputs; ++i)
    free(s.outputs[i].data);
  free(s.outputs);
  sinter_context_close(s.context);
  sinter_program_close(s.program);
  free(s.scratch.data);
  sinter_npz_free(&s.npz);
  return result;
}
