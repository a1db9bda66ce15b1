#include "ckpt/pointer.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include "core/file.h"

namespace dfm::ckpt {

std::optional<std::int64_t> read_pointer(const std::filesystem::path& root) {
  static constexpr std::uint64_t kLongest = 64;
  static constexpr std::string_view kBlanks = " \t\r\n";
  const auto path = root / kPointerName;
  if (!std::filesystem::exists(path)) return std::nullopt;
  const std::string text = read_text(path, kLongest);
  const auto first = std::min(text.find_first_not_of(kBlanks), text.size());
  const auto end = std::max(text.find_last_not_of(kBlanks) + 1, first);
  std::int64_t step = -1;
  const auto [rest, error] = std::from_chars(text.data() + first, text.data() + end, step);
  // A number followed by anything else is a damaged file, and would hold back all newer checkpoints.
  const bool is_whole = error == std::errc{} && rest == text.data() + end && step >= 0;
  return is_whole ? std::optional(step) : std::nullopt;
}

void write_pointer(const std::filesystem::path& root, std::int64_t step) {
  write_durably(root / kPointerName, std::to_string(step) + "\n");
}

}  // namespace dfm::ckpt
