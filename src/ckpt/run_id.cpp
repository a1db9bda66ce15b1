#include "ckpt/run_id.h"

#include <random>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/system_error.h"

namespace dfm::ckpt {
namespace {

constexpr std::size_t kDigits = 16;

// With a checksum: under another name the checkpoints of the nodes would not be found.
std::string line_of(const std::string& id) { return fmt::format("{} {}\n", id, hex(hash64(id))); }

std::string make_run_id(const std::filesystem::path& path) {
  std::random_device device;
  std::string id = hex(static_cast<std::uint64_t>(device()) << 32U | device());
  make_folder(path.parent_path());
  write_durably(path, line_of(id));
  return id;
}

}  // namespace

std::string run_id(const std::filesystem::path& root) {
  static constexpr std::uint64_t kLongest = 1024;
  const auto path = root / kRunIdName;
  return with_retries([&] {
    if (!std::filesystem::exists(path)) return make_run_id(path);
    const std::string text = read_text(path, kLongest);
    std::string id = text.substr(0, kDigits);
    if (text == line_of(id)) return id;
    throw data_error(fmt::format("{} is damaged", path.native()),
                     "remove it to go on from the shared checkpoints alone; those on the nodes' own disks "
                     "are then of no use");
  });
}

}  // namespace dfm::ckpt
