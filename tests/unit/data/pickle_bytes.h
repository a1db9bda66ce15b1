// Bytes of files for the tests of pickles: assembled by hand, and the golden samples that torch, numpy and
// webdataset wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
std::string little_endian(T value) {
  return text_of(std::as_bytes(std::span(&value, 1)));
}

// BINUNICODE and BINBYTES.
inline std::string text_opcode(std::string_view text) {
  return "X" + little_endian(static_cast<std::uint32_t>(text.size())) + std::string(text);
}
inline std::string bytes_opcode(std::string_view text) {
  return "B" + little_endian(static_cast<std::uint32_t>(text.size())) + std::string(text);
}

// The regular members of a small tar archive by name.
inline std::map<std::string, std::string> tar_members(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string tar{std::istreambuf_iterator<char>(file), {}};
  std::map<std::string, std::string> members;
  for (std::size_t offset = 0; offset + 512 <= tar.size() && tar[offset] != '\0';) {
    const auto size = std::stoul(tar.substr(offset + 124, 11), nullptr, 8);
    if (tar[offset + 156] == '0') members[tar.data() + offset] = tar.substr(offset + 512, size);
    offset += 512 + (size + 511) / 512 * 512;
  }
  return members;
}

// The first shard of a golden data set: "plain" (torch fp16 in KEY.pickle) or "shuffled" (numpy float16).
// KEY.pth is bf16.
inline std::map<std::string, std::string> golden_members(const std::string& data_set) {
  return tar_members(std::string(DFM_GOLDEN_FOLDER) + "/energon/" + data_set + "/shard-000000.tar");
}

// The seed of a test with random damage, printed before anything can crash; DFM_TEST_SEED repeats a run.
inline std::uint32_t announced_seed() {
  const char* const text = std::getenv("DFM_TEST_SEED");
  const std::uint32_t seed =
      text != nullptr ? static_cast<std::uint32_t>(std::stoul(text)) : std::random_device()();
  std::cout << "DFM_TEST_SEED=" << seed << std::endl;
  return seed;
}

// How often such a test damages each file; DFM_TEST_ROUNDS makes it longer.
inline int damage_rounds() {
  const char* const text = std::getenv("DFM_TEST_ROUNDS");
  return text != nullptr ? std::stoi(text) : 1000;
}

}  // namespace dfm::data
