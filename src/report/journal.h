// `journal.jsonl`: the life of a run over all its starts, a line an event. A job script, or whoever looks at
// a run after the holidays, reads there when it started, stopped and saved, and why.
//
//   Journal journal(folder / "journal.jsonl");
//   journal.record("checkpoint", {{"step", step}, {"seconds", seconds}});
//
// A line is durable when record() returns. A journal that cannot be written warns once and never ends a run.
// One process writes: rank 0, or the rank whose failure ends all others.
#pragma once

#include <filesystem>
#include <mutex>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace dfm::report {

class Journal {
 public:
  explicit Journal(std::filesystem::path path) : path_(std::move(path)) {}

  // Appends {"time": now in UTC, "event": event, fields...}. Any thread may call this. fields: an object.
  void record(std::string_view event, const Json& fields = Json::object());

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::mutex writing_;
  bool has_warned_ = false;
};

// The events in order; none where there is no file. A line that is not an event (torn by a crash) is left
// out. Throws a storage error for a file that cannot be read.
std::vector<Json> read_journal(const std::filesystem::path& path);

}  // namespace dfm::report
