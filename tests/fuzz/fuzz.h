// What the fuzz targets share. A target reads one kind of file that others wrote, from bytes that may be
// anything:
//
//   FUZZ_TARGET(tar) { ... read input ... }
//
// It may end with any error but an internal one. A crash, a hang, an exception of another kind and what the
// sanitizers report are findings. One program holds all targets: fuzz/driver.cpp runs them in the ordinary
// build over the corpora and mutations of them (a part of make test), fuzz/libfuzzer.cpp under libFuzzer
// (make fuzz).
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "support/temporary_folder.h"

namespace dfm::fuzz {

using Input = std::span<const std::byte>;
using Target = void (*)(Input);

std::map<std::string, Target>& targets();

// Runs a target; errors that a damaged file may give are what it is for, all others leave.
void run(Target target, Input input);

inline std::string_view text_of(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

// A folder of this process; readers that take a path find the input there.
const dfm::testing::TemporaryFolder& folder();
std::filesystem::path write_input(const std::string& name, std::string_view content);

struct Registration {
  Registration(const char* name, Target target) { targets().emplace(name, target); }
};

}  // namespace dfm::fuzz

#define FUZZ_TARGET(name)                                                     \
  static void fuzz_##name(dfm::fuzz::Input input);                            \
  static const dfm::fuzz::Registration registered_##name(#name, fuzz_##name); \
  static void fuzz_##name([[maybe_unused]] dfm::fuzz::Input input)
