// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole objects around a tiny kernel: every form is written, linked and run,
// with two models in one process; bytes repeat; faults leave nothing behind.

#include "codegen/object/ObjectWriter.h"
#include "codegen/image/ImageBuilder.h"
#include "codegen/object/LinkTools.h"
#include "codegen/object/ObjectError.h"
#include "runtime/npz/Npz.h"
#include "sinter/sinter.hpp"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <gtest/gtest.h>

namespace sinter {
namespace {

using llvm::Error;
using llvm::StringRef;

WeightPiece weightPiece(uint64_t offset, llvm::ArrayRef<char> bytes) {
  return {offset,
          bytes.size(),
          [bytes](uint64_t begin, llvm::MutableArrayRef<char> to) {
            std::memcpy(to.data(), bytes.data() + begin, to.size());
            return Error::success();
          },
          {}};
}

class ObjectWriterTest : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("sinter-test", path));
    folder = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string file(StringRef name) const { return folder + "/" + name.str(); }
  void writeFile(StringRef name, StringRef text) {
    std::error_code error;
    llvm::raw_fd_ostream(file(name), error) << text;
    ASSERT_FALSE(error);
  }
  int shell(const std::string &command) { return std::system(command.c_str()); }
  std::string contents(StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
  size_t filesInFolder() {
    std::error_code error;
    size_t n = 0;
    for (llvm::sys::fs::directory_iterator i(folder, error), end; i != end;
         i.increment(error))
      ++n;
    return n;
  }

  // y = x + w over [N, 8]; w[i] = step * i.
  ObjectInputs makeInputs(StringRef prefix, float step) {
    ImageBuilder b;
    Slot n = b.dimSymbol("N", 0, 4096, 1, 0, 0), eight = b.constant(8);
    b.input("x", SINTER_F32, {n, eight});
    b.output("y:0", SINTER_F32, {n, eight});
    Slot items = b.mul(n, eight), bytes = b.mul(items, b.constant(4));
    b.setWeightsBytes(96);
    b.launch(b.kernel("bias", 3, 1),
             {b.in(0, bytes), b.inWeights(64, 32), b.out(0, bytes)}, {eight},
             {items}, b.node("add_0", "Add"));
    std::string error;
    EXPECT_TRUE(b.finish(image, error)) << error;
    for (int i = 0; i < 8; ++i)
      weights[i] = step * i;
    if (!llvm::sys::fs::exists(file("kernel.o"))) {
      writeFile(
          "kernel.c",
          "void sinter_k_0(float **b, const long *p, long i, long end, void "
          "*w) {\n"
          "  for (; i < end; ++i) b[2][i] = b[0][i] + b[1][i % p[0]];\n}\n");
      EXPECT_EQ(
          shell("clang-22 -O1 -fPIC -fvisibility=hidden -fcf-protection -c " +
                file("kernel.c") + " -o " + file("kernel.o")),
          0);
    }
    ObjectInputs in;
    in.prefix = prefix.str();
    in.image = image;
    in.manifest = "{\"name\":\"" + prefix.str() + "\"}";
    in.isas = {{"x86-64", 0, {"sinter_k_0"}}};
    in.kernelPaths = {file("kernel.o")};
    in.weights = {
        weightPiece(64, {reinterpret_cast<const char *>(weights), 32})};
    in.weightsBytes = 96;
    return in;
  }

  void expectRuns(const sinter_model *model, float step) {
    auto program = Program::open(model, 1);
    ASSERT_TRUE(bool(program)) << program.error().text();
    auto context = Context::make(*program);
    ASSERT_TRUE(bool(context)) << context.error().text();
    std::vector<float> x(24, 1);
    ASSERT_EQ(context->set(0, x.data(), x.size(), {3, 8}), SINTER_OK);
    sinter::Error error = context->run();
    ASSERT_FALSE(bool(error)) << error.text();
    View<const float> y = context->output<float>(1);
    ASSERT_EQ(y.size, 24u);
    EXPECT_EQ(y.dims[0], 3);
    for (int i = 0; i < 24; ++i)
      EXPECT_EQ(y[i], 1 + step * (i % 8));
  }

  std::string folder;
  std::vector<uint8_t> image;
  float weights[8];
};

#define EXPECT_WRITES(expression)                                              \
  do {                                                                         \
    Error failed = (expression);                                               \
    ASSERT_FALSE(bool(failed)) << llvm::toString(std::move(failed));           \
  } while (false)

TEST_F(ObjectWriterTest, TwoSharedObjectsInOneProcess) {
  EXPECT_WRITES(writeObject(makeInputs("one", 1), file("one.so")));
  EXPECT_WRITES(writeObject(makeInputs("one", 2),
                            file("two.so"))); // same prefix: a new version
  auto one = Model::load(file("one.so")), two = Model::load(file("two.so"));
  ASSERT_TRUE(bool(one)) << one.error().text();
  ASSERT_TRUE(bool(two)) << two.error().text();
  expectRuns(*one, 1);
  expectRuns(*two, 2);
  EXPECT_STREQ(sinter_manifest(*one), "{\"name\":\"one\"}");
}

TEST_F(ObjectWriterTest, LoadsANameWithoutAFolder) {
  EXPECT_WRITES(writeObject(makeInputs("bare", 1), file("bare.so")));
  char before[4096];
  ASSERT_NE(getcwd(before, sizeof before), nullptr);
  ASSERT_EQ(chdir(folder.c_str()), 0);
  auto model = Model::load("bare.so");
  ASSERT_EQ(chdir(before), 0);
  ASSERT_TRUE(bool(model)) << model.error().text();
  expectRuns(*model, 1);
}

TEST_F(ObjectWriterTest, OneGlobalSymbolAndNoStrangers) {
  EXPECT_WRITES(writeObject(makeInputs("net", 1), file("net.o")));
  ASSERT_EQ(shell(SINTER_TEST_LLVM_BIN "/llvm-nm -g " + file("net.o") + " > " +
                  file("nm.txt")),
            0);
  llvm::SmallVector<StringRef, 8> lines;
  std::string text = contents(file("nm.txt"));
  StringRef(text).split(lines, '\n', -1, false);
  int defined = 0;
  for (StringRef line : lines) {
    bool isAllowed = line.ends_with(" U memcpy") ||
                     line.ends_with(" U memset") ||
                     line.ends_with(" U memmove");
    EXPECT_TRUE(isAllowed || line.ends_with(" T net_model")) << line.str();
    defined += line.ends_with(" T net_model");
  }
  EXPECT_EQ(defined, 1);
  ASSERT_EQ(shell(SINTER_TEST_LLVM_BIN "/llvm-readelf -n -S " + file("net.o") +
                  " > " + file("s.txt")),
            0);
  text = contents(file("s.txt"));
  EXPECT_NE(text.find(".note.GNU-stack"), std::string::npos);
  EXPECT_NE(text.find("x86 feature: IBT, SHSTK"), std::string::npos) << text;
  EXPECT_WRITES(linkShared(file("net.o"), file("linked.so")));
  auto model = Model::load(file("linked.so"));
  ASSERT_TRUE(bool(model)) << model.error().text();
  expectRuns(*model, 1);
}

// A C++ program against the generated header, two objects of one prefix each.
TEST_F(ObjectWriterTest, LinksIntoAProgram) {
  EXPECT_WRITES(writeObject(makeInputs("one", 1), file("one.o")));
  EXPECT_WRITES(writeObject(makeInputs("two", 2), file("two.a")));
  writeFile("main.cpp", R"(
    #include "one.hpp"
    #include "two.hpp"
    #include <cstdio>
    int main() {
      auto p1 = sinter::Program::open(one::model()), p2 = sinter::Program::open(two::model());
      if (!p1 || !p2) return 1;
      auto c1 = one::Context::make(*p1);
      auto c2 = two::Context::make(*p2);
      std::vector<float> x(16, 5);
      if (c1->x(x, 2) || c2->x(x, 2)) return 2;
      auto r1 = c1->run();
      auto r2 = c2->run();
      if (!r1 || !r2) return 3;
      return r1->y_0[7] == 12 && r2->y_0[7] == 19 && ONE_INPUT_x == 0 ? 0 : 4;
    })");
  std::string build =
      "clang++-22 -std=c++17 -Wall -Wextra -Werror -fno-exceptions "
      "-I" SINTER_TEST_ROOT "/runtime/include -I" +
      folder + " " + file("main.cpp") + " " + file("one.o") + " " +
      file("two.a") + " " SINTER_TEST_RUNTIME " -lpthread -ldl -o " +
      file("app");
  ASSERT_EQ(shell(build), 0);
  EXPECT_EQ(shell(file("app")), 0);
}

TEST_F(ObjectWriterTest, EmbedExampleRuns) {
  EXPECT_WRITES(writeObject(makeInputs("model", 1), file("model.o")));
  std::string build =
      "clang-22 -std=c11 -Wall -Wextra -Werror -I" SINTER_TEST_ROOT
      "/runtime/include -I" +
      folder + " " SINTER_TEST_ROOT "/examples/embed/embed.c " +
      file("model.o") + " " SINTER_TEST_RUNTIME " -lpthread -ldl -o " +
      file("app");
  ASSERT_EQ(shell(build), 0);
  ASSERT_EQ(shell(file("app") + " > " + file("said.txt")), 0);
  EXPECT_EQ(contents(file("said.txt")), "y:0: 1 2 3 4 (32 bytes)\n");
}

// runtime/python/sinter.py, by the interpreter that the other references use.
TEST_F(ObjectWriterTest, PythonRuns) {
  EXPECT_WRITES(writeObject(makeInputs("net", 2), file("net.so")));
  writeFile("run.py", R"(
import sys, numpy as np, sinter
with sinter.Model(sys.argv[1], threads=1) as model:
    assert str(model.inputs) == "[x: float32[N, 8]]", model.inputs
    for n in (3, 0, 70):
        x = np.arange(n * 8, dtype=np.float32).reshape(n, 8)
        y = model.run({"x": x})["y:0"]
        assert np.array_equal(y, x + 2 * np.arange(8)), y
    assert model.profile()[0][:2] == ("add_0", "bias")
    for feeds, code in (({"x": x.astype(np.float64)}, -3), ({}, -1), ({"x": x.ravel()}, -2)):
        try:
            model.run(feeds)
            raise SystemExit("accepted")
        except sinter.SinterError as error:
            assert error.code == code, error
)");
  const char *named = getenv("SINTER_PYTHON"), *home = getenv("HOME");
  std::string python =
      named ? named : std::string(home) + "/.cache/sinter/venv/bin/python";
  EXPECT_EQ(shell("PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" SINTER_TEST_ROOT
                  "/runtime/python SINTER_LIBRARY=" SINTER_TEST_SHARED_RUNTIME
                  " " +
                  python + " " + file("run.py") + " " + file("net.so")),
            0);
}

TEST_F(ObjectWriterTest, ExecutableTakesNpz) {
  EXPECT_WRITES(writeObject(makeInputs("net", 3), file("net")));
  std::vector<float> x(16, 1);
  sinter_npz_array in = {"x", SINTER_F32, 2, {2, 8}, x.data(), 64, nullptr};
  char error[256];
  ASSERT_EQ(
      sinter_npz_write(file("in.npz").c_str(), &in, 1, error, sizeof error), 0)
      << error;
  ASSERT_EQ(shell(file("net") + " " + file("in.npz") + " " + file("out.npz") +
                  " --threads 2 --repeat 3 2>/dev/null"),
            0);
  sinter_npz out = {};
  ASSERT_EQ(sinter_npz_read(file("out.npz").c_str(), &out, error, sizeof error),
            0)
      << error;
  ASSERT_EQ(out.count, 1u);
  EXPECT_STREQ(out.arrays[0].name, "y:0");
  float last;
  std::memcpy(&last, static_cast<const char *>(out.arrays[0].data) + 15 * 4, 4);
  EXPECT_EQ(last, 22);
  sinter_npz_free(&out);
  in.name = "z";
  ASSERT_EQ(
      sinter_npz_write(file("in.npz").c_str(), &in, 1, error, sizeof error), 0);
  EXPECT_EQ(WEXITSTATUS(shell(file("net") + " " + file("in.npz") + " " +
                              file("o.npz") + " 2>/dev/null")),
            4);
  EXPECT_EQ(WEXITSTATUS(shell(file("net") + " 2>/dev/null")), 2);
}

// Pieces of several megabytes, with gaps between them, in every form.
TEST_F(ObjectWriterTest, WeightsAreWhereTheyBelong) {
  std::vector<char> blob(5 << 20);
  ObjectInputs in = makeInputs("net", 2);
  in.weightsBytes = blob.size();
  in.jobs = 3;
  std::vector<char> large((3 << 20) + 5), small(100);
  for (size_t i = 0; i < large.size(); ++i)
    large[i] = char(i * 7 + i / 4096);
  std::fill(small.begin(), small.end(), char(9));
  std::atomic<int> released{0};
  in.weights.push_back(weightPiece(128, large));
  in.weights.push_back(weightPiece(4 << 20, small));
  for (WeightPiece &piece : in.weights)
    piece.release = [&] { ++released; };
  std::memcpy(blob.data() + 64, weights, 32);
  std::memcpy(blob.data() + 128, large.data(), large.size());
  std::memcpy(blob.data() + (4 << 20), small.data(), small.size());
  for (const char *name : {"net.so", "net.o", "net.a", "net"}) {
    EXPECT_WRITES(writeObject(in, file(name)));
    EXPECT_EQ(released.exchange(0), 3);
    std::string loaded = file(name);
    if (StringRef(name) == "net") {
      // What lies behind the weights moved, and the program still runs.
      EXPECT_EQ(WEXITSTATUS(shell(file("net") + " 2>/dev/null")), 2);
      EXPECT_NE(contents(loaded).find(std::string(blob.data(), blob.size())),
                std::string::npos);
      continue;
    }
    if (StringRef(name) != "net.so") {
      loaded += ".so";
      EXPECT_WRITES(linkShared(file(name), loaded));
    }
    auto model = Model::load(loaded);
    ASSERT_TRUE(bool(model)) << model.error().text();
    const sinter_model *found = *model;
    ASSERT_EQ(found->weights_bytes, blob.size()) << name;
    EXPECT_EQ(uintptr_t(found->weights) % 64, 0u) << name;
    EXPECT_EQ(std::memcmp(found->weights, blob.data(), blob.size()), 0) << name;
  }
  // Sections and segments agree: a tool that rewrites the file can be used.
  ASSERT_EQ(shell(SINTER_TEST_LLVM_BIN "/llvm-strip " + file("net.so") +
                  " -o " + file("stripped.so")),
            0);
  auto model = Model::load(file("stripped.so"));
  ASSERT_TRUE(bool(model)) << model.error().text();
  const sinter_model *stripped = *model;
  EXPECT_EQ(std::memcmp(stripped->weights, blob.data(), blob.size()), 0);
}

TEST_F(ObjectWriterTest, BytesRepeat) {
  for (const char *name : {"net.o", "net.a", "net.so", "net"}) {
    ObjectInputs in = makeInputs("net", 1);
    ASSERT_FALSE(llvm::sys::fs::create_directories(file("elsewhere")));
    EXPECT_WRITES(writeObject(in, file(name)));
    in.jobs = 4;
    EXPECT_WRITES(writeObject(in, file("elsewhere/" + std::string(name))));
    EXPECT_EQ(contents(file(name)),
              contents(file("elsewhere/" + std::string(name))))
        << name;
    EXPECT_NE(contents(file(name)), "");
  }
}

TEST_F(ObjectWriterTest, WeightsInAFile) {
  ObjectInputs in = makeInputs("net", 4);
  in.weightsInFile = true;
  EXPECT_WRITES(writeObject(in, file("net.so")));
  auto model = Model::load(file("net.so"));
  ASSERT_TRUE(bool(model)) << model.error().text();
  expectRuns(*model, 4);
  weights[1] += 1; // other weights are another identity
  EXPECT_WRITES(writeObject(in, file("other.so")));
  ASSERT_FALSE(
      llvm::sys::fs::rename(file("other.weights"), file("net.weights")));
  auto program = Program::open(*model);
  ASSERT_FALSE(bool(program));
  EXPECT_EQ(program.error().code(), SINTER_E_CORRUPT);
  llvm::sys::fs::remove(file("net.weights"));
  auto missing = Program::open(*model);
  EXPECT_EQ(missing.error().code(), SINTER_E_IO);
}

TEST_F(ObjectWriterTest, FaultsLeaveNothing) {
  auto codeOf = [](Error error) {
    ErrorCode code = ErrorCode::I001;
    llvm::handleAllErrors(
        std::move(error), [&](const ObjectError &e) { code = e.errorCode(); },
        [](const llvm::ErrorInfoBase &) {});
    return code;
  };
  ObjectInputs in = makeInputs("net", 1);
  size_t before = filesInFolder();
  EXPECT_EQ(codeOf(writeObject(in, file("no/such/net.o"))), ErrorCode::O001);
  EXPECT_EQ(codeOf(writeObject(in, file("net.dll"))), ErrorCode::U020);
  in.prefix = "class";
  EXPECT_EQ(codeOf(writeObject(in, file("net.o"))), ErrorCode::U021);
  in.prefix = "net";
  in.isas[0].symbols[0] = "not_there";
  EXPECT_EQ(codeOf(writeObject(in, file("net.o"))), ErrorCode::O004);
  in.isas[0].symbols[0] = "sinter_k_0";
  in.weights[0].fill = [](uint64_t, llvm::MutableArrayRef<char>) {
    return objectError(ErrorCode::O001, "the packer failed");
  };
  EXPECT_EQ(codeOf(writeObject(in, file("net.o"))), ErrorCode::O001);
  in.weights.clear();
  in.weightsBytes = 1ull << 60;
  EXPECT_EQ(codeOf(writeObject(in, file("net.o"))), ErrorCode::O002);
  EXPECT_EQ(filesInFolder(), before);
}

TEST_F(ObjectWriterTest, MissingToolsAreNamed) {
  auto textOf = [](llvm::Error error) {
    return llvm::toString(std::move(error));
  };
  LinkPlaces nowhere;
  EXPECT_TRUE(bool(findLinker(nowhere)));
  nowhere.linker = file("no-linker");
  nowhere.libraries = {file("no-library")};
  std::string path = getenv("PATH");
  setenv("PATH", file("no-path").c_str(), 1);
  std::string linker = textOf(findLinker(nowhere).takeError());
  setenv("PATH", path.c_str(), 1);
  EXPECT_NE(linker.find("[SINTER-O003]"), std::string::npos) << linker;
  EXPECT_NE(linker.find("no-linker' and on PATH"), std::string::npos) << linker;
  EXPECT_NE(linker.find("package lld-22"), std::string::npos) << linker;
  auto folder = WorkFolder::beside(file("out"));
  ASSERT_TRUE(bool(folder));
  std::string library =
      textOf(executableArgs(*folder, "net_model", nowhere).takeError());
  EXPECT_NE(library.find("[SINTER-O005]"), std::string::npos) << library;
  EXPECT_NE(library.find("package libc6-dev"), std::string::npos) << library;
}

TEST(ObjectNames, PrefixOfAStem) {
  auto prefix = [](StringRef path) {
    auto found = prefixOf(path);
    if (found)
      return *found;
    llvm::consumeError(found.takeError());
    return std::string("error");
  };
  EXPECT_EQ(prefix("a/ResNet-50.v1.o"), "resnet_50_v1");
  EXPECT_EQ(prefix("7b.so"), "m_7b");
  EXPECT_EQ(prefix("int.o"), "error");
}

TEST(Load, RefusesWhatIsNoModel) {
  for (const char *path :
       {"/bin/true", "/dev/null", "/no/such/file", "/etc/passwd"}) {
    auto model = Model::load(path);
    ASSERT_FALSE(bool(model)) << path;
    EXPECT_NE(model.error().text().find(';'), std::string::npos);
  }
}

} // namespace
} // namespace sinter
