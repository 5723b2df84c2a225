// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bundles as folders, archives and appendices; every byte of an archive may be
// damaged, and a signature refuses what was not signed.
#include "runtime/serve/bundle/Archive.h"
#include "runtime/serve/bundle/OpenBundle.h"
#include "runtime/serve/bundle/Signature.h"
#include "sinter/model.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sinter::serve;

namespace {

const std::string object(3000, 'o'), manifest = "{\"name\":\"m\"}",
                                     golden(700, 'g');

// As a .weights file: a header, zeros up to a page, the blob.
std::string weightsOf(const std::string &blob, char id) {
  sinter_weights_header header = {SINTER_WEIGHTS_MAGIC, blob.size(), {}};
  std::memset(header.id, id, sizeof header.id);
  std::string text(SINTER_WEIGHTS_OFFSET, 0);
  std::memcpy(text.data(), &header, sizeof header);
  return text + blob;
}

std::string textOf(BIO *memory) {
  char *data = nullptr;
  long size = BIO_get_mem_data(memory, &data);
  std::string text(data, size_t(size));
  BIO_free(memory);
  return text;
}

struct KeyPair {
  std::string secret, open;
  KeyPair() {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    BIO *memory = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr,
                             nullptr);
    secret = textOf(memory);
    memory = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(memory, key);
    open = textOf(memory);
    EVP_PKEY_free(key);
  }
};

std::string readAll(int file) {
  struct stat info;
  fstat(file, &info);
  std::string text(size_t(info.st_size), 0);
  EXPECT_EQ(pread(file, text.data(), text.size(), 0), info.st_size);
  return text;
}

class ServeBundle : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/sinter-bundle-XXXXXX";
    root = mkdtemp(name);
  }
  void TearDown() override {
    ASSERT_EQ(std::system(("rm -rf " + root).c_str()), 0);
  }
  std::string write(const std::string &name, const std::string &bytes) {
    std::ofstream(root + "/" + name, std::ios::binary) << bytes;
    return root + "/" + name;
  }
  std::string signedBy(const KeyPair &key) {
    std::string signature;
    Digests digests = {{"model.so", digestText(object)},
                       {"manifest.json", digestText(manifest)},
                       {"golden.npz", digestText(golden)}};
    EXPECT_TRUE(signDigests(digests, key.secret, signature).ok());
    return signature;
  }
  std::vector<NewMember> members(const std::string &signature = "") {
    std::vector<NewMember> all = {{"model.so", -1, object},
                                  {"manifest.json", -1, manifest},
                                  {"golden.npz", -1, golden}};
    if (!signature.empty())
      all.push_back({"SIGNATURE", -1, signature});
    return all;
  }
  std::string archive(const std::vector<NewMember> &all) {
    std::string path = root + "/1.tar";
    int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_TRUE(writeArchive(file, all).ok());
    close(file);
    return path;
  }
  static void expectWhole(const Bundle &bundle) {
    EXPECT_EQ(readAll(bundle.object), object);
    EXPECT_EQ(bundle.manifest, manifest);
    EXPECT_EQ(readAll(bundle.golden), golden);
  }

  std::string root;
};

} // namespace

TEST_F(ServeBundle, AnArchiveIsReadAsItWasWritten) {
  Bundle bundle;
  Status status = openBundle(archive(members()), "", bundle);
  ASSERT_TRUE(status.ok()) << status.message;
  expectWhole(bundle);
  // Sealed: what was checked cannot change any more.
  EXPECT_EQ(::write(bundle.object, "x", 1), -1);
}

TEST_F(ServeBundle, TarAndWeUnderstandEachOther) {
  std::string path = archive(members());
  EXPECT_EQ(std::system(("mkdir " + root + "/x && tar -C " + root + "/x -xf " +
                         path + " && tar --format=ustar -C " + root +
                         "/x -cf " + root + "/2.tar .")
                            .c_str()),
            0);
  Bundle bundle;
  Status status = openBundle(root + "/2.tar", "", bundle);
  ASSERT_TRUE(status.ok()) << status.message;
  expectWhole(bundle);
}

TEST_F(ServeBundle, AnExecutableCarriesItsBundle) {
  std::string path = write("server", std::string(5000, 'x'));
  EngineOptions::Embedded embedded;
  bool isThere = true;
  ASSERT_TRUE(openExecutable(path, embedded, isThere).ok());
  EXPECT_FALSE(isThere);
  int file = open(path.c_str(), O_RDWR);
  ASSERT_TRUE(appendBundle(file, members()).ok());
  close(file);
  Status status = openExecutable(path, embedded, isThere);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_TRUE(isThere);
  EXPECT_EQ(embedded.name, "m");
  EXPECT_EQ(embedded.manifest, manifest);
  EXPECT_EQ(readAll(embedded.golden), golden);
  EXPECT_EQ(
      readAll(embedded.descriptor).substr(embedded.offset, embedded.bytes),
      object);
  close(embedded.golden);
  close(embedded.descriptor);
}

TEST_F(ServeBundle, OnlyTheSignersBundleIsTaken) {
  KeyPair key, other;
  std::string signature = signedBy(key);
  Bundle bundle;
  Status good = openBundle(archive(members(signature)), key.open, bundle);
  ASSERT_TRUE(good.ok()) << good.message;
  expectWhole(bundle);
  auto expectRefused = [&](const std::vector<NewMember> &all,
                           const std::string &with, const char *reason) {
    Bundle none;
    Status status = openBundle(archive(all), with, none);
    EXPECT_EQ(status.code, Code::denied) << reason;
    EXPECT_NE(status.message.find(reason), std::string::npos) << status.message;
    EXPECT_EQ(none.object, -1);
  };
  expectRefused(members(), key.open, "it has no SIGNATURE");
  expectRefused(members(signature), other.open, "another key");
  for (size_t changed = 0; changed < 3; ++changed) {
    auto all = members(signature);
    all[changed].text[0] ^= 1;
    expectRefused(all, key.open, "not those that were signed");
  }
  auto fewer = members(signature);
  fewer.erase(fewer.begin() + 2);
  expectRefused(fewer, key.open, "not those that were signed");
  std::string edited = signature;
  edited[30] ^= 1;
  expectRefused(members(edited), key.open, "another key");
}

TEST_F(ServeBundle, ASignedFolderIsTakenWhole) {
  KeyPair key;
  write("model.so", object);
  write("manifest.json", manifest);
  write("golden.npz", golden);
  write("SIGNATURE", signedBy(key));
  Bundle bundle;
  Status status = openBundle(root, key.open, bundle);
  ASSERT_TRUE(status.ok()) << status.message;
  expectWhole(bundle);
  write("model.so", object + "!");
  EXPECT_FALSE(openBundle(root, key.open, bundle).ok());
  EXPECT_EQ(readAll(bundle.object), object); // the old one stays whole
}

TEST_F(ServeBundle, WeightsAreMappedWhereTheyLie) {
  auto all = members();
  all.push_back({"model.weights", -1, weightsOf("abc", 7)});
  Bundle bundle;
  Status status = openBundle(archive(all), "", bundle);
  ASSERT_TRUE(status.ok()) << status.message;
  ASSERT_TRUE(bundle.mapped.isThere());
  ASSERT_EQ(bundle.mapped.bytes(), 3u);
  EXPECT_EQ(std::memcmp(bundle.mapped.data(), "abc", 3), 0);
  EXPECT_EQ(uintptr_t(bundle.mapped.data()) % 64, 0u);
  sinter_model model = {};
  EXPECT_FALSE(bundle.mapped.belongTo(&model));
  std::memset(model.weights_id, 7, sizeof model.weights_id);
  EXPECT_TRUE(bundle.mapped.belongTo(&model));
}

TEST_F(ServeBundle, DamagedWeightsAreRefused) {
  std::string good = weightsOf("abc", 7), longer = good;
  uint64_t bytes = 4;
  std::memcpy(&longer[offsetof(sinter_weights_header, bytes)], &bytes, 8);
  std::string other = good;
  other[0] ^= 1;
  const std::pair<std::string, const char *> cases[] = {
      {longer, "it says that it holds 4 bytes, found 3"},
      {other, "does not begin as weights do"},
      {good.substr(0, 4000), "found 4000 bytes"}};
  for (const auto &[text, reason] : cases) {
    auto all = members();
    all.push_back({"model.weights", -1, text});
    Bundle bundle;
    Status status = openBundle(archive(all), "", bundle);
    EXPECT_EQ(status.code, Code::invalid);
    EXPECT_NE(status.message.find(reason), std::string::npos) << status.message;
  }
}

TEST_F(ServeBundle, SignedWeightsAreTheMappedOnes) {
  KeyPair key;
  std::string weights = weightsOf("abc", 7), signature;
  Digests digests = {{"model.so", digestText(object)},
                     {"model.weights", digestText(weights)},
                     {"manifest.json", digestText(manifest)},
                     {"golden.npz", digestText(golden)}};
  ASSERT_TRUE(signDigests(digests, key.secret, signature).ok());
  auto all = members(signature);
  all.push_back({"model.weights", -1, weights});
  Bundle bundle;
  Status status = openBundle(archive(all), key.open, bundle);
  ASSERT_TRUE(status.ok()) << status.message;
  // What happens to the file afterwards does not matter.
  std::ofstream(root + "/1.tar", std::ios::binary) << "gone";
  EXPECT_EQ(std::memcmp(bundle.mapped.data(), "abc", 3), 0);
  all.back().text.back() ^= 1;
  Bundle none;
  EXPECT_EQ(openBundle(archive(all), key.open, none).code, Code::denied);
  all.pop_back();
  EXPECT_EQ(openBundle(archive(all), key.open, none).code, Code::denied);
  EXPECT_FALSE(none.mapped.isThere());
}

TEST_F(ServeBundle, ADamagedArchiveIsRefusedOrHarmless) {
  std::string path = archive(members());
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (size_t size = 0; size < bytes.size() - 1024; size += 97) {
    Bundle bundle;
    EXPECT_FALSE(
        openBundle(write("cut.tar", bytes.substr(0, size)), "", bundle).ok())
        << size;
  }
  size_t refused = 0;
  for (size_t i = 0; i < 512; ++i) { // the first header
    std::string changed = bytes;
    changed[i] ^= 0x15;
    Bundle bundle;
    refused += !openBundle(write("bad.tar", changed), "", bundle).ok();
  }
  EXPECT_GE(refused, 511u); // the blank behind the checksum says nothing
}

TEST_F(ServeBundle, AForeignMemberIsAFault) {
  auto all = members();
  all.push_back({"../escape", -1, "x"});
  Bundle bundle;
  EXPECT_NE(openBundle(archive(all), "", bundle).message.find("'../escape'"),
            std::string::npos);
  all.back().name = "model.so";
  EXPECT_NE(openBundle(archive(all), "", bundle).message.find("is there twice"),
            std::string::npos);
}
