#include "ckpt/local_copies.h"

#include <nlohmann/json.hpp>

#include "ckpt/verified_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/log.h"
#include "core/system_error.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;

CopyProblems check_copies(const fs::path& folder, const Holding& holding, const Manifest& manifest) {
  CopyProblems problems;
  for (const FileRecord& file : manifest.files) {
    if (!holding.files.contains(file.name)) continue;
    const fs::path path = folder / file.name;
    try {
      if (hex(with_retries([&] { return VerifiedFile(path).finish(); })) == file.xxh3) continue;
      problems.damaged.push_back(file.name);
      log::warn("{} does not have the checksum of the manifest", path.native());
      fs::rename(path, path.native() + ".damaged");
    } catch (...) {
      const Error error = to_error(std::current_exception());
      if (error.kind() == ExitCode::stopped) throw;
      problems.unreadable.push_back(file.name);
      log::warn("{}", error.what());
    }
  }
  return problems;
}

std::string to_text(const CopyProblems& problems) {
  return Json{problems.damaged, problems.unreadable}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

CopyProblems copy_problems_from_text(const std::string& text) {
  const Json lists = parse_json(text, "problems of a node's copies");
  return {lists[0], lists[1]};
}

}  // namespace dfm::ckpt
