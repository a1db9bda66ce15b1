#include "fuzz/fuzz.h"

#include "core/error.h"

namespace dfm::fuzz {

std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

void run(Target target, Input input) {
  try {
    target(input);
  } catch (const Error& error) {
    if (error.kind() == ExitCode::internal) throw;
  }
}

const dfm::testing::TemporaryFolder& folder() {
  static const dfm::testing::TemporaryFolder one;
  return one;
}

std::filesystem::path write_input(const std::string& name, std::string_view content) {
  return folder().write(name, content);
}

}  // namespace dfm::fuzz
