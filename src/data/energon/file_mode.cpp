#include "data/energon/file_mode.h"

#include <system_error>

namespace dfm::data {

namespace fs = std::filesystem;

void copy_mode(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  const fs::file_status status = fs::status(from, ignored);
  if (!fs::exists(status)) return;
  const fs::perms own =
      fs::is_directory(status) ? fs::perms::owner_all : fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(to, (status.permissions() & fs::perms::all) | own, ignored);
}

}  // namespace dfm::data
