#include "ckpt/export/export.h"

#include <algorithm>
#include <chrono>
#include <sstream>

#include <fmt/core.h>

#include "ckpt/export/memory.h"
#include "ckpt/export/preparation.h"
#include "ckpt/export/write_plan.h"
#include "comm/agree.h"
#include "comm/locked_folder.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

ExportReport report_of(const Plan& plan) {
  ExportReport report;
  const SourceTensor* last = nullptr;
  for (const Place& place : plan.places) {
    if (place.begin == 0 && place.tensor != last) ++report.tensors;
    last = place.tensor;
    report.parameters += place.count;
    report.bytes += place.size_bytes();
  }
  report.files = plan.files.size();
  return report;
}

// Collective. The records of a checkpoint's files, hashed by all ranks.
std::vector<FileRecord> records_of(const comm::Group& world, const std::vector<PlannedFile>& files,
                                   const Staging& staging) {
  const std::string mine = comm::agreed(world, [&] {
    std::string text;
    for (std::size_t i = static_cast<std::size_t>(world.rank()); i < files.size();
         i += static_cast<std::size_t>(world.size())) {
      const fs::path path = staging.path_of(files[i]);
      text += fmt::format("{} {} {}\n", i, fs::file_size(path), hex(hash_file(path)));
    }
    return text;
  });
  std::vector<FileRecord> records(files.size());
  for (const std::string& text : world.all_gather_text(mine)) {
    std::istringstream fields(text);
    std::uint64_t bytes = 0;
    std::string hash;
    for (std::size_t i = 0; fields >> i >> bytes >> hash;) records.at(i) = {files[i].name, bytes, hash};
  }
  return records;
}

// Collective.
void add_manifest(const comm::Group& world, const Source& source, const Preparation& made,
                  const Staging& staging) {
  Manifest manifest = layout_manifest(source, made.layout->step, static_cast<int>(made.plan.files.size()));
  manifest.files = records_of(world, made.plan.files, staging);
  comm::agreed(world, [&] {
    if (world.rank() == 0) write_durably(staging.path() / kManifestName, to_text(manifest));
  });
}

// Collective. Two programs would take each other's unfinished output away. A checkpoint goes into the folder
// of a run, whose pointer moves with it.
std::optional<FolderLock> locked(const comm::Group& world, const Preparation& made) {
  return made.layout ? comm::locked_folder(world, made.output.parent_path())
                     : comm::locked_output(world, made.output);
}

}  // namespace

std::string to_text(const ExportReport& report) {
  const double rate = static_cast<double>(report.bytes) / std::max(report.seconds, 1e-6);
  return fmt::format("{} tensors, {} parameters, {} in {} ({}/s)", report.tensors,
                     format_count(report.parameters), format_bytes(report.bytes),
                     format_seconds(report.seconds), format_bytes(static_cast<std::uint64_t>(rate)));
}

ExportReport export_source(const comm::Group& world, const Source& source, const ExportSettings& settings,
                           ProgressStyle progress) {
  const auto started = std::chrono::steady_clock::now();
  const Preparation made = comm::agreed(world, [&] {
    Preparation prepared = prepare(source, settings);
    refuse_in_the_way(source, prepared);
    if (world.rank() == 0) require_space(prepared);
    return prepared;
  });
  const WriteSettings write{comm::agreed(world, [&] { return slice_bytes_below(settings.max_memory_bytes); }),
                            progress};
  const auto lock = locked(world, made);
  comm::agreed(world, [&] { refuse_in_the_way(source, made); });  // what another program has put there
  ExportReport report = report_of(made.plan);
  Staging staging(world, made.output, made.is_folder);
  report.stopped = !write_plan(world, made.plan, staging, write);
  if (report.stopped) return report;
  if (made.layout) add_manifest(world, source, made, staging);
  staging.commit();
  if (made.layout) {
    comm::agreed(world, [&] {
      if (world.rank() == 0) announce(*made.layout);
    });
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

std::string dry_run(const Source& source, const ExportSettings& settings) {
  const Preparation made = prepare(source, settings);
  refuse_in_the_way(source, made);
  const ExportReport report = report_of(made.plan);
  const std::uint64_t free_bytes = require_space(made);
  std::string text = fmt::format("source      {}\noutput      {}\n", source.title, made.output.native());
  text += fmt::format("tensors     {}\nparameters  {}\nbytes       {} ({})\nfiles       {}\n", report.tensors,
                      format_count(report.parameters),
                      format_count(static_cast<std::int64_t>(made.plan.size_bytes())),
                      format_bytes(made.plan.size_bytes()), report.files);
  for (const PlannedFile& file : made.plan.files) {
    if (!file.name.empty())
      text += fmt::format("            {}  {}\n", file.name, format_bytes(file.size_bytes));
  }
  text += fmt::format("memory      at most {} a rank, {} of it buffers\n",
                      format_bytes(settings.max_memory_bytes),
                      format_bytes(3 * slice_bytes_below(settings.max_memory_bytes)));
  text += fmt::format("free space  {}\n", format_bytes(free_bytes));
  if (!source.left_out.empty())
    text += fmt::format("left out    {} entries that are no weights\n", source.left_out.size());
  return text;
}

}  // namespace dfm::ckpt
