// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/bundle/Archive.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

constexpr uint64_t block = 512;
constexpr uint64_t page = 4096;
constexpr uint64_t mostText = 64u << 20;
constexpr char magic[16] = {'S', 'I', 'N', 'T', 'E', 'R', '-', 'S',
                            'E', 'R', 'V', 'E', '-', '0', '1', '\n'};
const char *const names[] = {"model.so", "model.weights", "manifest.json",
                             "golden.npz", "SIGNATURE"};

/// POSIX ustar; numbers are octal text.
struct Header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
  char type, link[100], magic[6], version[2], user[32], group[32];
  char major[8], minor[8], prefix[155], rest[12];
};
static_assert(sizeof(Header) == block, "a tar header is one block");

struct Footer {
  char magic[16];
  uint64_t offset, bytes;
};

Status damaged(const std::string &what) {
  return {Code::invalid, "the bundle's archive is damaged: " + what};
}

Status failed(const char *what) {
  return {Code::unavailable,
          std::string("cannot ") + what + ": " + std::strerror(errno)};
}

bool readExactly(int file, void *data, size_t bytes, uint64_t offset) {
  char *at = static_cast<char *>(data);
  while (bytes) {
    ssize_t n = pread(file, at, bytes, off_t(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n;
    bytes -= size_t(n);
    offset += uint64_t(n);
  }
  return true;
}

bool writeExactly(int file, const void *data, size_t bytes) {
  const char *at = static_cast<const char *>(data);
  while (bytes) {
    ssize_t n = write(file, at, bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n;
    bytes -= size_t(n);
  }
  return true;
}

bool copyExactly(int from, uint64_t offset, uint64_t bytes, int to) {
  off_t at = off_t(offset);
  while (bytes) {
    ssize_t n =
        sendfile(to, from, &at, size_t(std::min<uint64_t>(bytes, 1u << 30)));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    bytes -= uint64_t(n);
  }
  return true;
}

bool readOctal(const char *text, size_t length, uint64_t &value) {
  value = 0;
  size_t i = 0;
  for (; i < length && text[i] >= '0' && text[i] <= '7'; ++i)
    value = value * 8 + uint64_t(text[i] - '0');
  return i > 0 && (i == length || text[i] == '\0' || text[i] == ' ');
}

uint64_t sumOf(Header header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  uint64_t sum = 0;
  for (size_t i = 0; i < sizeof header; ++i)
    sum += reinterpret_cast<const unsigned char *>(&header)[i];
  return sum;
}

bool isEmpty(const Header &header) {
  const char *bytes = reinterpret_cast<const char *>(&header);
  return std::all_of(bytes, bytes + sizeof header,
                     [](char c) { return c == 0; });
}

uint64_t padded(uint64_t bytes, uint64_t to) {
  return (bytes + to - 1) / to * to;
}

Status readHeader(const Header &header, std::string &name, uint64_t &bytes) {
  uint64_t checksum;
  if (!readOctal(header.checksum, sizeof header.checksum, checksum) ||
      checksum != sumOf(header))
    return damaged("a header's checksum is wrong");
  name.assign(header.name, strnlen(header.name, sizeof header.name));
  if (name.rfind("./", 0) == 0)
    name.erase(0, 2);
  if (!readOctal(header.size, sizeof header.size, bytes))
    return damaged("the size of '" + name + "' is no octal number");
  return {};
}

void writeOctal(char *text, size_t length, uint64_t value) {
  for (size_t i = length - 1; i-- > 0; value /= 8)
    text[i] = char('0' + value % 8);
}

Header headerOf(const std::string &name, uint64_t bytes) {
  Header header;
  std::memset(&header, 0, sizeof header);
  std::memcpy(header.name, name.data(),
              std::min(name.size(), sizeof header.name));
  writeOctal(header.mode, sizeof header.mode, 0644);
  writeOctal(header.uid, sizeof header.uid, 0);
  writeOctal(header.gid, sizeof header.gid, 0);
  writeOctal(header.size, sizeof header.size, bytes);
  writeOctal(header.mtime, sizeof header.mtime, 0);
  header.type = '0';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  writeOctal(header.checksum, 7, sumOf(header));
  header.checksum[7] = ' ';
  return header;
}

} // namespace

Status readArchive(int file, uint64_t offset, uint64_t bytes, Members &out) {
  out.clear();
  uint64_t at = 0;
  while (true) {
    Header header;
    if (bytes < at || bytes - at < block ||
        !readExactly(file, &header, block, offset + at))
      return damaged("it ends before its end mark");
    at += block;
    if (isEmpty(header))
      break;
    std::string name;
    Member member;
    if (Status status = readHeader(header, name, member.bytes); !status.ok())
      return status;
    if (header.type == '5' && (name == "." || name.empty()))
      continue; // `tar -C bundle -c .` names the folder first
    if (header.type != '0' && header.type != '\0')
      return damaged("'" + name + "' is no plain file");
    if (std::find(std::begin(names), std::end(names), name) == std::end(names))
      return damaged("found '" + name +
                     "', expected model.so, model.weights, manifest.json, "
                     "golden.npz or SIGNATURE");
    member.offset = offset + at;
    if (member.bytes > bytes - at)
      return damaged("'" + name + "' reaches past the end");
    if (!out.emplace(name, member).second)
      return damaged("'" + name + "' is there twice");
    at += padded(member.bytes, block);
  }
  return out.count("model.so") ? Status() : damaged("it holds no model.so");
}

Status findAppendix(int file, Appendix &out) {
  out = {};
  struct stat info;
  if (fstat(file, &info))
    return failed("look at the executable");
  uint64_t size = uint64_t(info.st_size);
  Footer footer;
  if (size < sizeof footer ||
      !readExactly(file, &footer, sizeof footer, size - sizeof footer) ||
      std::memcmp(footer.magic, magic, sizeof magic))
    return {};
  uint64_t room = size - sizeof footer;
  if (footer.offset > room || footer.bytes > room - footer.offset)
    return damaged("the footer of the executable points past its end");
  out = {true, footer.offset, footer.bytes};
  return {};
}

Status writeArchive(int file, const std::vector<NewMember> &members) {
  static const char zeros[2 * block] = {};
  for (const NewMember &member : members) {
    uint64_t bytes = member.text.size();
    struct stat info;
    if (member.file >= 0) {
      if (fstat(member.file, &info))
        return failed("look at a member of the bundle");
      bytes = uint64_t(info.st_size);
    }
    Header header = headerOf(member.name, bytes);
    if (!writeExactly(file, &header, sizeof header))
      return failed("write the bundle");
    bool done = member.file >= 0
                    ? copyExactly(member.file, 0, bytes, file)
                    : writeExactly(file, member.text.data(), bytes);
    if (!done || !writeExactly(file, zeros, padded(bytes, block) - bytes))
      return failed("write the bundle");
  }
  return writeExactly(file, zeros, sizeof zeros) ? Status()
                                                 : failed("write the bundle");
}

Status appendBundle(int file, const std::vector<NewMember> &members) {
  off_t end = lseek(file, 0, SEEK_END);
  uint64_t begin = padded(uint64_t(end), page);
  if (end < 0 || ftruncate(file, off_t(begin)) || lseek(file, 0, SEEK_END) < 0)
    return failed("write the bundle");
  if (Status status = writeArchive(file, members); !status.ok())
    return status;
  Footer footer;
  std::memcpy(footer.magic, magic, sizeof magic);
  footer.offset = begin;
  footer.bytes = uint64_t(lseek(file, 0, SEEK_CUR)) - begin;
  return writeExactly(file, &footer, sizeof footer)
             ? Status()
             : failed("write the bundle");
}

Status copyWhole(int from, int to) {
  struct stat info;
  if (fstat(from, &info) || !copyExactly(from, 0, uint64_t(info.st_size), to))
    return failed("copy a file");
  return {};
}

Status writeWhole(const std::string &text, int to) {
  return writeExactly(to, text.data(), text.size()) ? Status()
                                                    : failed("write a file");
}

Status copyToMemory(int file, const Member &member, const char *name,
                    int &out) {
  int memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory < 0)
    return failed("make a memory file");
  if (!copyExactly(file, member.offset, member.bytes, memory)) {
    Status status = failed("copy the bundle into memory");
    close(memory);
    return status;
  }
  fcntl(memory, F_ADD_SEALS,
        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  out = memory;
  return {};
}

Status readMember(int file, const Member &member, std::string &out) {
  if (member.bytes > mostText)
    return damaged("a text of " + std::to_string(member.bytes) +
                   " bytes; expected at most 64 MiB");
  out.resize(size_t(member.bytes));
  return readExactly(file, out.data(), out.size(), member.offset)
             ? Status()
             : damaged("it ends inside a member");
}

} // namespace sinter::serve
