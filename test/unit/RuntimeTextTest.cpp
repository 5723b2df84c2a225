// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts at the border of a run: which handle each gets, what comes back, whose
// memory it is, and what is refused.

#include "RuntimeModels.h"

#include <map>

namespace sinter {
namespace {

// y = [a, b] of texts, h = their handles: both inputs are copied twice.
void makeTextModel(TestModel &m, std::vector<std::string> known) {
  ImageBuilder b;
  Slot n = b.dimSymbol("N", 0, 1 << 20, 1, 0, 0),
       k = b.dimSymbol("K", 0, 1 << 20, 1, 1, 0), both = b.add(n, k);
  b.input("a", SINTER_STRING, {n});
  b.input("b", SINTER_STRING, {k});
  b.output("y", SINTER_STRING, {both});
  b.output("h", SINTER_I64, {both});
  b.setTexts(std::move(known));
  Slot eight = b.constant(8), first = b.mul(n, eight), rest = b.mul(k, eight);
  uint32_t node = b.node("copy", "Concat");
  for (uint32_t out : {0, 1}) {
    b.copy(b.out(out, first), b.in(0, first), node);
    b.copy(b.out(out, rest, first), b.in(1, rest), node);
  }
  m.finish(b);
}

std::vector<sinter_text> recordsOf(const std::vector<std::string> &texts) {
  std::vector<sinter_text> records;
  for (const std::string &text : texts)
    records.push_back({text.data(), text.size()});
  return records;
}

struct TextRun {
  TestModel m;
  Runner r;
  std::vector<std::string> a, b;
  std::vector<sinter_text> ra, rb, y;
  std::vector<int64_t> h;

  sinter_status operator()(std::vector<std::string> known,
                           std::vector<std::string> first,
                           std::vector<std::string> second) {
    makeTextModel(m, std::move(known));
    a = std::move(first), b = std::move(second);
    ra = recordsOf(a), rb = recordsOf(b);
    if (sinter_status s = r.open(m))
      return s;
    return again();
  }
  sinter_status again() {
    int64_t n = int64_t(ra.size()), k = int64_t(rb.size());
    y.assign(size_t(n + k), {});
    h.assign(size_t(n + k), -9);
    r.set(0, SINTER_STRING, {n}, ra);
    r.set(1, SINTER_STRING, {k}, rb);
    r.set(2, SINTER_STRING, {}, y);
    r.set(3, SINTER_I64, {}, h);
    sinter_status s = r.size({n, k});
    return s ? s : r.run();
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> list;
    for (const sinter_text &text : y)
      list.emplace_back(text.data, text.bytes);
    return list;
  }
};

TEST(RuntimeText, HandlesAreEqualWhereTextsAre) {
  TextRun run;
  ASSERT_EQ(run({"", "blue", "red"}, {"red", "x", "", "y"}, {"y", "blue", "x"}),
            SINTER_OK)
      << run.r.text(run.m);
  // Known ones by their place, then the first place among all inputs.
  EXPECT_EQ(run.h, (std::vector<int64_t>{2, 4, 0, 6, 6, 1, 4}));
  EXPECT_EQ(run.texts(),
            (std::vector<std::string>{"red", "x", "", "y", "y", "blue", "x"}));
  sinter_text known = {};
  ASSERT_EQ(sinter_known_text(&run.m.model, 2, &known), SINTER_OK);
  EXPECT_STREQ(known.data, "red");
  EXPECT_EQ(run.y[0].data, known.data); // in the model
  EXPECT_EQ(run.y[1].data, run.a[1].data());
  EXPECT_EQ(run.y[6].data, run.a[1].data()); // in the first that has it
  EXPECT_EQ(sinter_known_text(&run.m.model, 3, &known), SINTER_E_ARG);
}

TEST(RuntimeText, BytesDecideAndNothingElse) {
  std::string nul("a\0b", 3), wide = "gr\xC3\xBCn", broken = "\xFF\xFE";
  TextRun run;
  std::vector<std::string> known = {"", "a", nul, wide, broken};
  ASSERT_EQ(run(known, {nul, "a", broken, std::string("a\0c", 3)}, {wide}),
            SINTER_OK);
  EXPECT_EQ(run.h, (std::vector<int64_t>{2, 1, 4, 8, 3}));
  EXPECT_EQ(run.texts()[3], std::string("a\0c", 3));
}

TEST(RuntimeText, ManyUnknownTextsAreJoined) {
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i)
    texts.push_back(std::string(20, 'p') + std::to_string(i * 7919 % 613));
  TextRun run;
  ASSERT_EQ(run({""}, texts, {}), SINTER_OK);
  std::map<std::string, int64_t> places;
  for (size_t i = 0; i < texts.size(); ++i)
    ASSERT_EQ(run.h[i], 1 + places.try_emplace(texts[i], i).first->second) << i;
  EXPECT_EQ(run.texts(), texts);
}

TEST(RuntimeText, DataAreReadAgainInEveryRun) {
  TextRun run;
  ASSERT_EQ(run({"", "one"}, {"one"}, {}), SINTER_OK);
  EXPECT_EQ(run.h[0], 1);
  run.ra[0] = {"two", 3};
  ASSERT_EQ(run.r.run(), SINTER_OK);
  EXPECT_EQ(run.h[0], 2);
  EXPECT_EQ(run.texts()[0], "two");
  run.ra.clear();
  ASSERT_EQ(run.again(), SINTER_OK);
  EXPECT_TRUE(run.texts().empty());
}

TEST(RuntimeText, ScratchIsAFunctionOfTheTensors) {
  TextRun run;
  ASSERT_EQ(run({""}, {"x"}, {"y"}), SINTER_OK);
  sinter_need need = {};
  int64_t symbols[] = {1000, 8};
  ASSERT_EQ(sinter_need_of(run.r.program, 0, symbols, &need, nullptr),
            SINTER_OK);
  EXPECT_EQ(need.scratch, 8 * 1000u + 64u + 16 * 1008u);
  ASSERT_EQ(run.r.give(64), SINTER_OK);
  EXPECT_EQ(run.r.run(), SINTER_E_MEMORY);
}

TEST(RuntimeText, RefusesRecordsThatAreNone) {
  TextRun run;
  ASSERT_EQ(run({""}, {"x", "y"}, {"z"}), SINTER_OK);
  run.ra[1] = {nullptr, 3};
  EXPECT_EQ(run.r.run(), SINTER_E_DATA);
  EXPECT_NE(run.r.text(run.m).find("input 'a': text 1 has a length of 3"),
            std::string::npos)
      << run.r.text(run.m);
  run.ra[1] = {run.a[1].data(), uint64_t(1) << 31};
  EXPECT_EQ(run.r.run(), SINTER_E_DATA);
  EXPECT_NE(run.r.text(run.m).find("shorter"), std::string::npos);
  run.ra[1] = {nullptr, 0};
  EXPECT_EQ(run.r.run(), SINTER_OK);
  EXPECT_EQ(run.r.set(0, SINTER_I64, {2}, run.h), SINTER_E_DTYPE);
}

TEST(RuntimeText, DamagedTablesAreRefused) {
  TextRun run;
  ASSERT_EQ(run({"", "blue"}, {"x"}, {}), SINTER_OK);
  auto *image = reinterpret_cast<sinter_image *>(run.m.image.data());
  auto *texts = reinterpret_cast<sinter_image_text *>(
      run.m.image.data() + image->section[SINTER_SEC_TEXTS].offset);
  size_t hashed = offsetof(sinter_image, hash) + 8;
  for (uint32_t damage : {1u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    for (uint32_t *field : {&texts[1].at, &texts[1].bytes}) {
      uint32_t good = *field;
      *field += damage;
      image->hash = sinter_image_hash(run.m.image.data() + hashed,
                                      run.m.image.size() - hashed);
      EXPECT_EQ(sinter_image_verify(image, run.m.image.size(), nullptr),
                SINTER_E_CORRUPT);
      *field = good;
    }
  }
}

} // namespace
} // namespace sinter
