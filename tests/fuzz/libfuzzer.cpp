// libFuzzer's entry: DFM_FUZZ_TARGET names the target.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/fuzz.h"

namespace {

dfm::fuzz::Target chosen_target() {
  const char* const name = std::getenv("DFM_FUZZ_TARGET");
  const auto found = dfm::fuzz::targets().find(name == nullptr ? "" : name);
  if (found != dfm::fuzz::targets().end()) return found->second;
  std::fprintf(stderr, "DFM_FUZZ_TARGET must name one of\n");
  for (const auto& [each, target] : dfm::fuzz::targets()) std::fprintf(stderr, "  %s\n", each.c_str());
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const dfm::fuzz::Target target = chosen_target();
  dfm::fuzz::run(target, {reinterpret_cast<const std::byte*>(bytes), size});
  return 0;
}
