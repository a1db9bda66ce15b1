#include "ckpt/overview.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ckpt/manifest_lock.h"
#include "comm/agree.h"
#include "core/error.h"
#include "core/json.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

std::string_view name_of(Soundness soundness) {
  switch (soundness) {
    case Soundness::valid:
      return "yes";
    case Soundness::damaged:
      return "no";
    case Soundness::unfinished:
      return "unfinished";
  }
  return "";
}

std::uint64_t size_of_folder(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    const auto size = entry.is_regular_file(ignored) ? entry.file_size(ignored) : 0;
    if (!ignored) bytes += size;
  }
  return bytes;
}

Soundness soundness_of(const Listed& listed) {
  if (listed.manifest) return Soundness::valid;
  std::error_code error;
  const bool is_announced =
      fs::status(listed.folder / kManifestName, error).type() != fs::file_type::not_found;
  return is_announced ? Soundness::damaged : Soundness::unfinished;
}

// "2x1x1x4": tensor, context, pipeline and data parallel.
std::string grid_of(const Manifest& manifest) {
  const SavedGrid& grid = manifest.grid;
  return fmt::format("{}x{}x{}x{}", grid.tensor, grid.context, grid.pipeline, grid.data);
}

constexpr std::size_t kColumns = 8;
using Cells = std::array<std::string, kColumns>;

Cells cells_of(const OverviewRow& row) {
  const auto& manifest = row.listed.manifest;
  return {std::to_string(row.listed.step),     manifest ? manifest->saved_at : "-",
          format_bytes(row.size_bytes),        manifest ? std::to_string(manifest->ranks) : "-",
          manifest ? grid_of(*manifest) : "-", manifest && !manifest->reason.empty() ? manifest->reason : "-",
          std::string(name_of(row.soundness)), row.listed.problem};
}

std::string line_of(const Cells& cells, const std::array<std::size_t, kColumns>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += fmt::format("{:<{}}  ", cells[i], widths[i]);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// Collective. Whether the checkpoint is still there; rank 0's lock then keeps it from being pruned.
bool is_kept_by(const comm::Group& world, const fs::path& folder, std::optional<ManifestLock>& lock) {
  if (world.rank() == 0) lock = ManifestLock::to_read(folder);
  std::int32_t is_there = lock ? 1 : 0;
  world.broadcast(std::as_writable_bytes(std::span(&is_there, 1)), 0);
  return is_there != 0;
}

// Collective. False when asked to stop.
bool verify(const comm::Group& world, OverviewRow& row) {
  try {
    verify_checksums(world, row.listed);
  } catch (const Error& error) {
    if (error.kind() == ExitCode::stopped) return false;
    row.listed.problem = error.what();
    row.soundness = Soundness::damaged;
  }
  return true;
}

}  // namespace

std::vector<OverviewRow> overview(const fs::path& root) {
  std::vector<OverviewRow> rows;
  for (Listed& listed : list_checkpoints(root)) {
    OverviewRow row{std::move(listed), 0, Soundness::valid};
    row.size_bytes = size_of_folder(row.listed.folder);
    row.soundness = soundness_of(row.listed);
    rows.push_back(std::move(row));
  }
  return rows;
}

bool verify_all(const comm::Group& world, std::vector<OverviewRow>& rows) {
  for (auto row = rows.begin(); row != rows.end();) {
    if (comm::stop_requested_anywhere(world)) return false;
    std::optional<ManifestLock> lock;
    if (row->soundness == Soundness::valid && !is_kept_by(world, row->listed.folder, lock)) {
      row = rows.erase(row);
      continue;
    }
    if (row->soundness == Soundness::valid && !verify(world, *row)) return false;
    ++row;
  }
  return true;
}

std::string overview_table(const std::vector<OverviewRow>& rows) {
  std::vector<Cells> lines{
      {"step", "saved at", "size", "ranks", "TPxCPxPPxDP", "reason", "valid", "why not"}};
  for (const OverviewRow& row : rows) lines.push_back(cells_of(row));
  std::array<std::size_t, kColumns> widths{};
  for (const Cells& cells : lines) {
    for (std::size_t i = 0; i + 1 < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string table;
  for (const Cells& cells : lines) table += line_of(cells, widths);
  return table;
}

std::string overview_json(const std::vector<OverviewRow>& rows) {
  Json list = Json::array();
  for (const OverviewRow& row : rows) {
    Json entry = {{"step", row.listed.step},
                  {"folder", row.listed.folder.native()},
                  {"bytes", row.size_bytes},
                  {"valid", row.soundness == Soundness::valid},
                  {"state", row.soundness == Soundness::valid     ? "valid"
                            : row.soundness == Soundness::damaged ? "damaged"
                                                                  : "unfinished"}};
    if (const auto& manifest = row.listed.manifest) {
      entry["saved_at"] = manifest->saved_at;
      entry["ranks"] = manifest->ranks;
      entry["grid"] = grid_of(*manifest);
      entry["reason"] = manifest->reason;
    }
    if (!row.listed.problem.empty()) entry["problem"] = row.listed.problem;
    list.push_back(std::move(entry));
  }
  return list.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dfm::ckpt
