#include "ckpt/quarantine.h"

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

constexpr const char* kEnding = ".damaged";

fs::path free_name(const fs::path& folder) {
  fs::path name = folder.native() + kEnding;
  for (int number = 2; fs::exists(name); ++number)
    name = fmt::format("{}{}.{}", folder.native(), kEnding, number);
  return name;
}

}  // namespace

fs::path set_aside(const fs::path& folder, const std::string& why) {
  try {
    fs::path aside = free_name(folder);
    fs::rename(folder, aside);
    sync_folder(aside.parent_path());
    write_durably(aside / "WHY.txt", why + "\n");
    return aside;
  } catch (...) {
    log::warn("cannot set the damaged checkpoint {} aside: {}", folder.native(),
              to_error(std::current_exception()).what());
    return folder;
  }
}

bool is_set_aside(const fs::path& folder) {
  const std::string name = folder.filename().native();
  return name.starts_with("iter_") && name.find(kEnding) != std::string::npos;
}

}  // namespace dfm::ckpt
