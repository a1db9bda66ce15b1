#include "report/journal.h"

#include <array>
#include <ctime>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/units.h"
#include "report/lines.h"

namespace dfm::report {
namespace fs = std::filesystem;
namespace {

std::string line_of(std::string_view event, const Json& fields) {
  Json line{{"time", format_utc(std::time(nullptr))}, {"event", event}};
  line.update(fields);
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

// Where the last complete line ends. What follows was torn by a crash.
std::uint64_t end_of_last_line(const File& file) {
  std::uint64_t end = file.size();
  std::array<std::byte, 4096> block{};
  while (end > 0) {
    const std::uint64_t begin = end > block.size() ? end - block.size() : 0;
    const std::span<std::byte> part = std::span(block).first(static_cast<std::size_t>(end - begin));
    file.read_exactly(part, begin);
    for (std::size_t i = part.size(); i > 0; --i) {
      if (part[i - 1] == std::byte{'\n'}) return begin + i;
    }
    end = begin;
  }
  return 0;
}

void append_durably(const fs::path& path, const std::string& line) {
  make_folder(path.parent_path());
  File file = File::open_to_append(path);
  const std::uint64_t end = end_of_last_line(file);
  if (end != file.size()) file.shorten(end);
  try {
    file.append(line);
  } catch (...) {
    file.shorten(end);  // a disk that filled up has taken half of it
    throw;
  }
  file.sync();
  file.close();
  if (end == 0) sync_folder(path.parent_path());
}

}  // namespace

void Journal::record(std::string_view event, const Json& fields) {
  const std::scoped_lock lock(writing_);
  try {
    append_durably(path_, line_of(event, fields));
  } catch (...) {
    if (has_warned_) return;
    has_warned_ = true;
    log::warn("the journal is not complete: {}", to_error(std::current_exception()).what());
  }
}

std::vector<Json> read_journal(const fs::path& path) {
  if (!fs::exists(path)) return {};
  const std::string text = read_text(path);
  std::vector<Json> events;
  for (const std::string_view line : complete_lines(text)) {
    Json event = Json::parse(line, nullptr, false);
    if (event.is_object() && event.contains("event")) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace dfm::report
