#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <fmt/core.h>

#include "ckpt/export/write_plan.h"
#include "comm/agree.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

// Folders cannot be replaced by renaming: the two change their names, in one step where the file system can.
void replace_folder(const fs::path& made, const fs::path& output) {
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, output.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) {
    throw system_error("rename a finished folder to", output.native(), errno);
  }
  const fs::path aside = made.native() + ".old";
  fs::rename(output, aside);
  fs::rename(made, output);
  fs::rename(aside, made);
}

}  // namespace

Staging::Staging(const comm::Group& world, fs::path output, bool is_folder)
    : world_(world), output_(std::move(output)), is_folder_(is_folder) {
  if (!output_.has_filename()) output_ = output_.parent_path();
  path_ = temporary_name(output_);
  comm::agreed(world_, [&] {
    if (world_.rank() != 0) return;
    if (output_.has_parent_path()) make_folder(output_.parent_path());
    fs::remove_all(path_);  // of an earlier attempt that was killed
    if (is_folder_) make_folder(path_);
  });
}

Staging::~Staging() {
  if (is_committed_ || world_.rank() != 0) return;
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) log::warn("cannot remove {}: {}", path_.native(), error.message());
}

fs::path Staging::path_of(const PlannedFile& file) const {
  return file.name.empty() ? path_ : path_ / file.name;
}

void Staging::put_in_place() const {
  if (!is_folder_) return commit_durably(path_, output_);
  sync_folder(path_);
  if (!fs::exists(output_)) {
    fs::rename(path_, output_);
  } else {
    replace_folder(path_, output_);
  }
  sync_folder(output_.parent_path());
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) log::warn("cannot remove the folder that was replaced, {}: {}", path_.native(), error.message());
}

void Staging::commit() {
  comm::agreed(world_, [&] {
    if (world_.rank() == 0) put_in_place();
  });
  is_committed_ = true;
}

}  // namespace dfm::ckpt
