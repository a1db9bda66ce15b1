#include "stage/stage_file.h"

#include <cerrno>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "core/error.h"
#include "core/json.h"

namespace dfm::stage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRestore = "restore it, or index the data set again";

struct FileStatus {
  std::uint64_t size_bytes;
  std::int64_t modified_ns;
};

FileStatus status_of(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) throw data_error(fmt::format("{} has vanished", path.native()), kRestore);
    throw system_error("look at", path.native(), errno);
  }
  if (!S_ISREG(status.st_mode)) throw data_error(fmt::format("{} is not a regular file", path.native()));
  return {static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

bool leads_out(const fs::path& name) {
  const fs::path normal = name.lexically_normal();
  return normal.empty() || normal.is_absolute() || *normal.begin() == "..";
}

}  // namespace

std::vector<StageFile> look_at_files(const fs::path& root, const std::vector<std::string>& names) {
  std::vector<StageFile> files;
  for (const std::string& name : names) {
    if (leads_out(name)) throw data_error(fmt::format("'{}' leads out of {}", name, root.native()));
    const FileStatus status = status_of(root / name);
    files.push_back({name, root / name, status.size_bytes, status.modified_ns});
  }
  return files;
}

void require_unchanged(const StageFile& file) {
  const FileStatus now = status_of(file.source);
  if (now.size_bytes != file.size_bytes) {
    throw data_error(
        fmt::format("{} has {} while it was staged: {} bytes, now {}", file.source.native(),
                    now.size_bytes > file.size_bytes ? "grown" : "shrunk", file.size_bytes, now.size_bytes),
        kRestore);
  }
  if (now.modified_ns != file.modified_ns) {
    throw data_error(fmt::format("{} was rewritten while it was staged", file.source.native()), kRestore);
  }
}

std::string to_text(const std::vector<StageFile>& files) {
  Json all = Json::array();
  for (const StageFile& file : files) {
    all.push_back(Json::array({file.name, file.source.native(), file.size_bytes, file.modified_ns}));
  }
  std::string text;
  Json::to_cbor(all, text);
  return text;
}

std::vector<StageFile> stage_files_from_text(const std::string& text) {
  std::vector<StageFile> files;
  for (const Json& each : Json::from_cbor(text)) {
    files.push_back({each.at(0).get<std::string>(), each.at(1).get<std::string>(),
                     each.at(2).get<std::uint64_t>(), each.at(3).get<std::int64_t>()});
  }
  return files;
}

}  // namespace dfm::stage
