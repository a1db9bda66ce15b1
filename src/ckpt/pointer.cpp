#include "ckpt/pointer.h"

#include <algorithm>
#include <charconv>

#include "core/file.h"

namespace dfm::ckpt {

std::optional<std::int64_t> read_pointer(const std::filesystem::path& root) {
  static constexpr std::uint64_t kLongest = 64;
  const auto path = root / kPointerName;
  if (!std::filesystem::exists(path)) return std::nullopt;
  const std::string text = read_text(path, kLongest);
  const auto first = std::min(text.find_first_not_of(" \t\n"), text.size());
  std::int64_t step = -1;
  std::from_chars(text.data() + first, text.data() + text.size(), step);
  return step < 0 ? std::nullopt : std::optional(step);
}

void write_pointer(const std::filesystem::path& root, std::int64_t step) {
  write_durably(root / kPointerName, std::to_string(step) + "\n");
}

}  // namespace dfm::ckpt
