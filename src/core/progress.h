// Progress of a long loop on standard error: a bar that redraws itself on a terminal, a line now and then
// where the output goes to a file. Only the rank that draws (rank 0) should make one that is not silent.
//
//   Progress progress("Preparing", total, parse_progress("auto"));
//   for (...) { ...; progress.advance(1); }
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace dfm {

enum class ProgressStyle { silent, lines, bar };

// "auto" (a bar on a terminal, lines elsewhere), "bar", "lines" or "off"; a usage error otherwise.
ProgressStyle parse_progress(std::string_view text);

class Progress {
 public:
  Progress(std::string title, std::int64_t total, ProgressStyle style);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // ends the bar's line

  void advance(std::int64_t count, std::string_view note = "");

 private:
  using Clock = std::chrono::steady_clock;

  void draw(std::string_view note);
  std::string remaining_text() const;

  std::string title_;
  std::int64_t total_;
  ProgressStyle style_;
  std::int64_t done_ = 0;
  Clock::time_point started_ = Clock::now();
  Clock::time_point drawn_{};
};

}  // namespace dfm
