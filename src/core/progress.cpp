#include "core/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>
#include <unistd.h>

#include "core/error.h"
#include "core/log.h"
#include "core/units.h"

namespace dfm {
namespace {

using std::chrono::duration;

constexpr int kBarWidth = 30;
constexpr auto kBarPeriod = std::chrono::milliseconds(100);
constexpr auto kLinePeriod = std::chrono::seconds(10);

}  // namespace

ProgressStyle parse_progress(std::string_view text) {
  if (text == "auto") return ::isatty(STDERR_FILENO) != 0 ? ProgressStyle::bar : ProgressStyle::lines;
  if (text == "bar") return ProgressStyle::bar;
  if (text == "lines") return ProgressStyle::lines;
  if (text == "off") return ProgressStyle::silent;
  throw usage_error(fmt::format("progress style '{}' is not known", text), "use auto, bar, lines or off");
}

Progress::Progress(std::string title, std::int64_t total, ProgressStyle style)
    : title_(std::move(title)), total_(total), style_(style) {
  if (style_ == ProgressStyle::lines) drawn_ = started_;  // the first line comes after a period, not at once
}

Progress::~Progress() {
  if (style_ == ProgressStyle::bar && drawn_ != Clock::time_point{}) std::fputc('\n', stderr);
}

void Progress::advance(std::int64_t count, std::string_view note) {
  done_ += count;
  if (style_ == ProgressStyle::silent) return;
  const auto now = Clock::now();
  const bool is_due = style_ == ProgressStyle::bar ? now - drawn_ >= kBarPeriod || done_ == total_
                                                   : now - drawn_ >= kLinePeriod;
  if (!is_due) return;
  drawn_ = now;
  draw(note);
}

std::string Progress::remaining_text() const {
  if (done_ == 0) return "";
  const double elapsed_seconds = duration<double>(Clock::now() - started_).count();
  const double remaining = elapsed_seconds / static_cast<double>(done_) * static_cast<double>(total_ - done_);
  return done_ >= total_ ? format_seconds(elapsed_seconds) : format_seconds(remaining) + " left";
}

void Progress::draw(std::string_view note) {
  if (style_ == ProgressStyle::lines) {
    log::info("{} {}/{} {} {}", title_, done_, total_, remaining_text(), note);
    return;
  }
  const auto filled = static_cast<int>(kBarWidth * std::clamp(done_, std::int64_t{0}, total_) /
                                       std::max(total_, std::int64_t{1}));
  const std::string line =
      fmt::format("\r\033[K{} [{}{}] {}/{} {} {}", title_, std::string(filled, '#'),
                  std::string(kBarWidth - filled, '.'), done_, total_, remaining_text(), note);
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace dfm
