// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads lines of text from pictures: a whole program around one linked model.
//
//   sinter compile ch_PP-OCRv4_rec_infer.onnx -o ocr.o
//   c++ -std=c++17 -O2 main.cpp ocr.o -lsinter -lpng -pthread -ldl -o ocr
//   ./ocr PICTURE.png...
//
// One object serves pictures of every width: only the memory for a run depends
// on it, and sinter_need_of says how much. Prints, for each picture, its name,
// what it reads and the milliseconds of the best of ten runs, and at the end
// the time from the start of the process (OCR_STARTED_AT, CLOCK_MONOTONIC in
// ns) to the first result, when that is given.
#include "ocr.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <png.h>
#include <sinter/sinter.h>
#include <string>
#include <vector>

namespace {

constexpr int kHeight = 48; // what the network was trained on

struct Picture {
  int height = 0, width = 0;
  std::vector<unsigned char> bgr;
};

[[noreturn]] void fail(const std::string &what) {
  std::fprintf(stderr, "ocr: error: %s\n", what.c_str());
  std::exit(1);
}

void check(sinter_status status, const sinter_error &error, const char *doing) {
  if (status == SINTER_OK)
    return;
  char text[512];
  sinter_error_text(ocr_model(), &error, text, sizeof text);
  fail(std::string(doing) + ": " + text);
}

Picture readPng(const char *path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&image, path))
    fail(std::string(path) + ": " + image.message);
  image.format = PNG_FORMAT_BGR;
  Picture picture;
  picture.height = static_cast<int>(image.height);
  picture.width = static_cast<int>(image.width);
  picture.bgr.resize(PNG_IMAGE_SIZE(image));
  if (!png_image_finish_read(&image, nullptr, picture.bgr.data(), 0, nullptr))
    fail(std::string(path) + ": " + image.message);
  return picture;
}

// Bilinear, with half-pixel centres: two neighbours and the share of the
// second.
struct Tap {
  int low, high;
  float share;
};

std::vector<Tap> taps(int size, int target) {
  std::vector<Tap> result(target);
  for (int i = 0; i < target; ++i) {
    double place = (i + 0.5) * (static_cast<double>(size) / target) - 0.5;
    place = std::clamp(place, 0.0, size - 1.0);
    int low = static_cast<int>(std::floor(place));
    result[i] = {low, std::min(low + 1, size - 1),
                 static_cast<float>(place - low)};
  }
  return result;
}

// Channels first, height 48, values from -1 to 1.
std::vector<float> prepare(const Picture &picture, int width) {
  std::vector<Tap> rows = taps(picture.height, kHeight);
  std::vector<Tap> columns = taps(picture.width, width);
  auto pixel = [&](int y, int x, int c) {
    return static_cast<float>(picture.bgr[(y * picture.width + x) * 3 + c]);
  };
  std::vector<float> out(static_cast<size_t>(3) * kHeight * width);
  size_t at = 0;
  for (int c = 0; c < 3; ++c)
    for (const Tap &row : rows)
      for (const Tap &column : columns) {
        auto across = [&](int x) {
          return pixel(row.low, x, c) * (1 - row.share) +
                 pixel(row.high, x, c) * row.share;
        };
        float value = across(column.low) * (1 - column.share) +
                      across(column.high) * column.share;
        out[at++] = value / 127.5f - 1;
      }
  return out;
}

// The model file carries its alphabet, one character a line; class 0 is blank
// and the last class a space.
std::vector<std::string> readAlphabet() {
  const char *manifest = sinter_manifest(ocr_model());
  nlohmann::json json = nlohmann::json::parse(manifest ? manifest : "{}");
  std::string all = json["metadata_props"].value("character", "");
  std::vector<std::string> alphabet;
  for (size_t begin = 0; begin <= all.size();) {
    size_t end = std::min(all.find('\n', begin), all.size());
    alphabet.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
  alphabet.push_back(" ");
  return alphabet;
}

// Greedy CTC: the best class of each column; repeats and blanks vanish.
std::string decode(const float *scores, int64_t columns, int64_t classes,
                   const std::vector<std::string> &alphabet) {
  std::string text;
  int64_t last = 0;
  for (int64_t t = 0; t < columns; ++t, scores += classes) {
    int64_t best = std::max_element(scores, scores + classes) - scores;
    if (best != 0 && best != last && best <= int64_t(alphabet.size()))
      text += alphabet[best - 1];
    last = best;
  }
  return text;
}

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

void *grow(void *self, uint64_t bytes, uint64_t) {
  auto &memory = *static_cast<std::vector<char> *>(self);
  memory.resize(std::max<size_t>(memory.size(), bytes));
  return memory.data();
}

struct Free {
  void operator()(void *memory) const { std::free(memory); }
};

class Reader {
public:
  Reader() {
    sinter_error error{};
    sinter_open_args args{};
    args.size = sizeof args;
    check(sinter_program_open(ocr_model(), &args, nullptr, 0, &program, &error),
          error, "opening the model");
    check(sinter_context_init(program, 0, nullptr, 0, nullptr, 0, &context,
                              &error),
          error, "making a context");
    sinter_set_alloc(context, 1, grow, &output);
  }
  ~Reader() {
    sinter_context_close(context);
    sinter_program_close(program);
  }

  // Binds a picture and the memory that its width needs.
  void bind(std::vector<float> &pixels, int width) {
    sinter_tensor tensor{};
    tensor.data = pixels.data();
    tensor.bytes = pixels.size() * sizeof(float);
    tensor.rank = 4;
    tensor.dtype = SINTER_F32;
    const int64_t dims[] = {1, 3, kHeight, width};
    std::copy(dims, dims + 4, tensor.dim);
    sinter_error error{};
    error.code = sinter_set(context, 0, &tensor);
    check(error.code, error, "binding the picture");

    sinter_tensor_info info{};
    info.size = sizeof info;
    sinter_tensor_info_of(ocr_model(), 0, &info);
    sinter_info model{};
    model.size = sizeof model;
    sinter_info_of(ocr_model(), &model);
    std::vector<int64_t> symbols(model.n_symbols, 1);
    for (int axis = 0; axis < 4; ++axis)
      if (info.symbol[axis] < model.n_symbols)
        symbols[info.symbol[axis]] = dims[axis];
    sinter_need need{};
    need.size = sizeof need;
    check(sinter_need_of(program, 0, symbols.data(), &need, &error), error,
          "asking for the memory of a run");
    if (need.scratch > scratchBytes) {
      scratchBytes = (need.scratch + 63) / 64 * 64;
      scratch.reset(std::aligned_alloc(64, scratchBytes));
      sinter_set_scratch(context, scratch.get(), scratchBytes);
    }
  }

  sinter_tensor run() {
    sinter_error error{};
    check(sinter_run(context, &error), error, "running the model");
    sinter_tensor result{};
    sinter_get(context, 1, &result);
    return result;
  }

private:
  sinter_program *program = nullptr;
  sinter_context *context = nullptr;
  std::unique_ptr<void, Free> scratch;
  uint64_t scratchBytes = 0;
  std::vector<char> output;
};

} // namespace

int main(int argc, char **argv) {
  const char *startedAt = std::getenv("OCR_STARTED_AT");
  double first = 0;
  std::vector<std::string> alphabet = readAlphabet();
  Reader reader;
  for (int i = 1; i < argc; ++i) {
    Picture picture = readPng(argv[i]);
    int width = (kHeight * picture.width + picture.height - 1) / picture.height;
    std::vector<float> pixels = prepare(picture, width);
    reader.bind(pixels, width);
    double best = 1e30;
    std::string text;
    for (int repeat = 0; repeat < 10; ++repeat) {
      double begin = now();
      sinter_tensor scores = reader.run();
      best = std::min(best, now() - begin);
      if (repeat == 0)
        text = decode(static_cast<const float *>(scores.data), scores.dim[1],
                      scores.dim[2], alphabet);
      if (first == 0)
        first = now();
    }
    const char *slash = std::strrchr(argv[i], '/');
    std::printf("%s\t%s\t%.3f\n", slash ? slash + 1 : argv[i], text.c_str(),
                best);
  }
  if (startedAt && first > 0)
    std::printf("start\t%.1f\n", first - std::atof(startedAt) * 1e-6);
  return 0;
}
