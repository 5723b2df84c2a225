// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C API with owners, for C++17, in one header and without exceptions. A
// Context here also brings its own memory: it asks the run what is missing,
// takes that much and runs again, so a new largest shape costs one allocation
// and nothing else ever does.

#ifndef SINTER_SINTER_HPP
#define SINTER_SINTER_HPP

#include "sinter/sinter.h"

#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// Empty when all is well: `if (Error e = context.run()) puts(e.text().c_str());`
class Error {
public:
  Error() = default;
  Error(const sinter_error &record, const sinter_model *model) : record_(record), model_(model) {}
  explicit operator bool() const { return record_.code != SINTER_OK; }
  sinter_status code() const { return record_.code; }
  const sinter_error &record() const { return record_; }
  std::string text() const {
    char buf[1024];
    sinter_error_text(model_, &record_, buf, sizeof buf);
    return buf;
  }

private:
  sinter_error record_ = {};
  const sinter_model *model_ = nullptr;
};

/// A value or an error.
template <typename T> class Result {
public:
  Result(T all) : value(new T(std::move(all))) {}
  Result(Error error) : error_(std::move(error)) {}
  explicit operator bool() const { return value != nullptr; }
  T &operator*() { return *value; }
  T *operator->() { return value.get(); }
  const Error &error() const { return error_; }

private:
  std::unique_ptr<T> value;
  Error error_;
};

/// Borrowed elements; with an Extent, an array or std::array of exactly that many,
/// or a pointer to them: Span<const float, 150528>(vector.data()).
template <typename T, int64_t Extent = -1> class Span {
public:
  template <typename C, typename Element = decltype(std::declval<C &>()[0]),
            typename = std::enable_if_t<sizeof(C) == sizeof(Element) * static_cast<size_t>(Extent)>>
  Span(C &all) : first(&all[0]) {}
  explicit Span(T *data) : first(data) {}
  T *data() const { return first; }
  size_t size() const { return size_t(Extent); }

private:
  T *first;
};
template <typename T> class Span<T, -1> {
public:
  template <typename C, typename = decltype(std::declval<C &>().data())>
  Span(C &all) : first(all.data()), count(all.size()) {}
  Span(T *data, size_t n) : first(data), count(n) {}
  T *data() const { return first; }
  size_t size() const { return count; }

private:
  T *first;
  size_t count;
};

/// Elements of tensors of texts, borrowed as a std::string_view is.
inline sinter_text textOf(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view viewOf(const sinter_text &text) { return {text.data, size_t(text.bytes)}; }
/// An output: elements and dimensions.
template <typename T> struct View {
  T *data = nullptr;
  size_t size = 0;
  std::vector<int64_t> dims;
  T &operator[](size_t i) const { return data[i]; }
  T *begin() const { return data; }
  T *end() const { return data + size; }
};

namespace detail {
struct Free { void operator()(void *p) const { std::free(p); } };
using Memory = std::unique_ptr<void, Free>;
inline Memory allocate(uint64_t bytes) {
  return Memory(std::aligned_alloc(64, bytes ? (bytes + 63) / 64 * 64 : 64));
}
template <typename T> struct DType;
template <> struct DType<float> { static constexpr uint8_t value = SINTER_F32; };
template <> struct DType<double> { static constexpr uint8_t value = SINTER_F64; };
template <> struct DType<int8_t> { static constexpr uint8_t value = SINTER_I8; };
template <> struct DType<uint8_t> { static constexpr uint8_t value = SINTER_U8; };
template <> struct DType<int16_t> { static constexpr uint8_t value = SINTER_I16; };
template <> struct DType<uint16_t> { static constexpr uint8_t value = SINTER_U16; };
template <> struct DType<int32_t> { static constexpr uint8_t value = SINTER_I32; };
template <> struct DType<uint32_t> { static constexpr uint8_t value = SINTER_U32; };
template <> struct DType<int64_t> { static constexpr uint8_t value = SINTER_I64; };
template <> struct DType<sinter_text> { static constexpr uint8_t value = SINTER_STRING; };
template <> struct DType<uint64_t> { static constexpr uint8_t value = SINTER_U64; };
template <typename T, void (*Close)(T *)> struct Closer {
  void operator()(T *p) const { Close(p); }
};
} // namespace detail

/// A .so, unloaded at the end. Programs must be gone by then.
class Model {
public:
  static Result<Model> load(const std::string &path) {
    const sinter_model *model = nullptr;
    sinter_error error = {};
    if (sinter_load(path.c_str(), nullptr, &model, &error))
      return Error(error, nullptr);
    return Model(model);
  }
  operator const sinter_model *() const { return model.get(); }

private:
  struct Unload { void operator()(const sinter_model *m) const { sinter_unload(m); } };
  explicit Model(const sinter_model *m) : model(m) {}
  std::unique_ptr<const sinter_model, Unload> model;
};

/// A model on this machine; shared by threads.
class Program {
public:
  /// width 0: as many threads as this process may use.
  static Result<Program> open(const sinter_model *model, uint32_t width = 0) {
    sinter_open_args args = {};
    args.size = sizeof args;
    args.width = width;
    return open(model, args);
  }
  static Result<Program> open(const sinter_model *model, const sinter_open_args &args) {
    sinter_program *program = nullptr;
    sinter_error error = {};
    if (sinter_program_open(model, &args, nullptr, 0, &program, &error))
      return Error(error, model);
    return Program(program, model);
  }
  const sinter_program *get() const { return program.get(); }
  const sinter_model *model() const { return model_; }
  uint32_t width() const { return sinter_program_width(get()); }
private:
  Program(sinter_program *p, const sinter_model *m) : program(p), model_(m) {}
  std::unique_ptr<sinter_program, detail::Closer<sinter_program, sinter_program_close>> program;
  const sinter_model *model_;
};

/// One run at a time. Outputs get memory of their own until set() gives another.
class Context {
public:
  static Result<Context> make(const Program &program) {
    Context c(program.model());
    sinter_context *raw = nullptr;
    sinter_error error = {};
    if (sinter_context_init(program.get(), 0, nullptr, 0, nullptr, 0, &raw, &error))
      return Error(error, program.model());
    c.context.reset(raw);
    sinter_info info = {};
    info.size = sizeof info;
    sinter_info_of(program.model(), &info);
    c.outputs = std::make_unique<Output[]>(info.n_outputs);
    for (uint32_t i = 0; i < info.n_outputs; ++i)
      sinter_set_alloc(raw, info.n_inputs + i, grow, &c.outputs[i]);
    return c;
  }

  sinter_status set(uint32_t slot, const sinter_tensor &tensor) {
    return sinter_set(context.get(), slot, &tensor);
  }
  /// Row-major elements, borrowed until the slot is set again.
  template <typename T>
  sinter_status set(uint32_t slot, const T *data, size_t count, std::initializer_list<int64_t> dims) {
    sinter_tensor t = {};
    sinter_tensor_info info = {};
    info.size = sizeof info;
    if (dims.size() > 8 || sinter_tensor_info_of(model, slot, &info))
      return SINTER_E_ARG;
    t.data = const_cast<T *>(data);
    t.bytes = count * sizeof(T);
    t.rank = uint8_t(dims.size());
    // bool, fp16 and bf16 come as bytes and words
    bool isAlias = (info.dtype == SINTER_BOOL && sizeof(T) == 1) ||
                   ((info.dtype == SINTER_F16 || info.dtype == SINTER_BF16) && sizeof(T) == 2);
    t.dtype = isAlias ? uint8_t(info.dtype) : detail::DType<T>::value;
    std::copy(dims.begin(), dims.end(), t.dim);
    return set(slot, t);
  }

  Error run() {
    sinter_error error = {};
    sinter_status status = sinter_run(context.get(), &error);
    if (status == SINTER_E_MEMORY && error.arg == 0xFFFFFFFFu && error.expected > error.found) {
      sinter_set_scratch(context.get(), nullptr, 0);
      scratch = detail::allocate(uint64_t(error.expected));
      if (scratch) {
        sinter_set_scratch(context.get(), scratch.get(), uint64_t(error.expected));
        status = sinter_run(context.get(), &error);
      }
    }
    return status ? Error(error, model) : Error();
  }

  template <typename T> View<const T> output(uint32_t slot) const {
    sinter_tensor t = {};
    sinter_get(context.get(), slot, &t);
    return {static_cast<const T *>(t.data), t.bytes / sizeof(T), {t.dim, t.dim + t.rank}};
  }
  sinter_context *get() const { return context.get(); }
  void cancel() { sinter_cancel(get()); }

private:
  struct Output {
    detail::Memory memory;
    uint64_t bytes = 0;
  };
  static void *grow(void *self, uint64_t bytes, uint64_t) {
    auto *out = static_cast<Output *>(self);
    if (!out->memory || bytes > out->bytes) {
      out->memory = detail::allocate(bytes);
      out->bytes = out->memory ? bytes : 0;
    }
    return out->memory.get();
  }
  explicit Context(const sinter_model *m) : model(m) {}
  const sinter_model *model;
  detail::Memory scratch;
  std::unique_ptr<Output[]> outputs;
  std::unique_ptr<sinter_context, detail::Closer<sinter_context, sinter_context_close>> context;
};

} // namespace sinter

#endif // SINTER_SINTER_HPP
