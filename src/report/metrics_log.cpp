#include "report/metrics_log.h"

#include <cerrno>
#include <system_error>

#include "core/error.h"
#include "core/file.h"
#include "report/lines.h"

namespace dfm::report {
namespace fs = std::filesystem;
namespace {

std::int64_t iteration_of(const Record& record) {
  return std::visit([](const auto& each) { return each.iteration; }, record);
}

// A cut that a power failure undoes is made again by the next resume, so it needs no flush of its own.
void cut_off_after(const fs::path& path, std::int64_t last_step) {
  const std::string text = read_metrics_text(path);
  const std::size_t kept = bytes_to_keep(text, last_step);
  if (kept == text.size()) return;
  std::error_code error;
  fs::resize_file(path, kept, error);
  if (error) throw system_error("shorten", path.native(), error.value());
}

}  // namespace

std::size_t bytes_to_keep(std::string_view text, std::int64_t last_step) {
  std::size_t kept = 0;
  for (const std::string_view line : complete_lines(text)) {
    const auto record = parse_json_line(line);
    if (record && iteration_of(*record) > last_step) break;
    kept += line.size() + 1;
  }
  return kept;
}

MetricsLog::MetricsLog(fs::path path, std::int64_t resume_after_step) : path_(std::move(path)) {
  std::error_code ignored;  // what is wrong with the path, opening it will tell
  if (fs::exists(path_, ignored)) cut_off_after(path_, resume_after_step);
  file_.open(path_, std::ios::binary | std::ios::app);
  if (!file_) throw system_error("open", path_.native(), errno);
}

void MetricsLog::append(const Record& record) {
  file_ << to_json_line(record) + '\n' << std::flush;
  if (!file_) throw system_error("write", path_.native(), errno);
}

void MetricsLog::make_durable() const {
  std::error_code ignored;  // who removes the file of a run loses lines, not the run
  if (fs::exists(path_, ignored)) File::open_to_write(path_).sync();
}

}  // namespace dfm::report
