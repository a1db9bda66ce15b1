// What the tests of shards share: tar archives put together block by block, so that they can be wrong in
// every way; a folder for one test; the error that a piece of code throws.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "data/tar/tar_scanner.h"
#include "support/temporary_folder.h"

namespace dfm::data::testing {

inline constexpr std::size_t kBlock = 512;

inline std::string zeros(std::size_t count) { return std::string(count, '\0'); }

inline std::string padded(std::string text) {
  text.resize((text.size() + kBlock - 1) / kBlock * kBlock);
  return text;
}

// The block with the checksum that it should have.
inline std::string checked(std::string block) {
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  return block.replace(148, 8, fmt::format("{:06o}{} ", sum, '\0'));
}

struct HeaderFields {
  std::string name;
  std::uint64_t size = 0;
  char type = '0';
  std::string prefix = {};
  std::string size_field = {};  // instead of the size in octal
};

inline std::string tar_header(const HeaderFields& fields) {
  std::string block = zeros(kBlock);
  const auto put = [&](std::size_t offset, const std::string& text) {
    block.replace(offset, text.size(), text);
  };
  put(0, fields.name);
  put(100, "0000644");
  put(124, fields.size_field.empty() ? fmt::format("{:011o}", fields.size) : fields.size_field);
  put(136, "00000000000");
  put(156, std::string(1, fields.type));
  put(257, "ustar");
  put(263, "00");
  put(345, fields.prefix);
  return checked(block);
}

inline std::string tar_member(const std::string& name, const std::string& data = "x", char type = '0') {
  return tar_header({.name = name, .size = data.size(), .type = type}) + padded(data);
}

// A PAX header: type x for the next member, g for all that follow.
inline std::string pax_header(const std::vector<std::pair<std::string, std::string>>& records,
                              char type = 'x') {
  std::string text;
  for (const auto& [keyword, value] : records) {
    const std::string body = fmt::format(" {}={}\n", keyword, value);
    std::size_t length = body.size() + 1;
    while (std::to_string(length).size() + body.size() != length) ++length;
    text += std::to_string(length) + body;
  }
  return tar_header({.name = "pax", .size = text.size(), .type = type}) + padded(text);
}

inline std::string gnu_long_name(const std::string& name, char type = 'L') {
  return tar_header({.name = "././@LongLink", .size = name.size() + 1, .type = type}) + padded(name + '\0');
}

inline std::string tar_end() { return zeros(2 * kBlock); }

// A shard with samples KEY.txt + KEY.json.
inline std::string shard_of(const std::vector<std::string>& keys) {
  std::string archive;
  for (const std::string& key : keys)
    archive += tar_member(key + ".json", "{}") + tar_member(key + ".txt", "of " + key);
  return archive + tar_end();
}

struct Walk {
  std::vector<TarMember> members;
  std::uint64_t end_offset = 0;
  TarStop stop = TarStop::none;
};

inline Walk walk(std::string_view archive) {
  TarScanner scanner{TarSource(std::as_bytes(std::span(archive)), 0)};
  Walk result;
  while (auto member = scanner.next()) result.members.push_back(*std::move(member));
  result.end_offset = scanner.offset();
  result.stop = scanner.stop();
  return result;
}

inline std::optional<Error> error_of(const std::function<void()>& action) {
  try {
    action();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

using dfm::testing::TemporaryFolder;

}  // namespace dfm::data::testing
