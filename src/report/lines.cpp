#include "report/lines.h"

#include "core/file.h"

namespace dfm::report {

std::vector<std::string_view> complete_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string read_metrics_text(const std::filesystem::path& path) {
  static constexpr std::uint64_t kMostBytes = 2ULL << 30U;
  return read_text(path, kMostBytes);
}

}  // namespace dfm::report
