#include "ckpt/export/export.h"

#include <algorithm>
#include <chrono>
#include <sstream>

#include <fmt/core.h>

#include "ckpt/export/layout.h"
#include "ckpt/export/memory.h"
#include "ckpt/export/metadata.h"
#include "ckpt/export/write_plan.h"
#include "comm/agree.h"
#include "core/convert.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

// An export, as far as it is known without writing.
struct Preparation {
  Plan plan;
  fs::path output;
  bool is_folder = false;
  std::optional<LayoutTarget> layout;
};

ExportContent content_of(const Source& source, const ExportSettings& settings) {
  ExportContent content;
  for (const SourceTensor* const tensor : source.of_kind(settings.kind)) {
    const DType dtype = settings.dtype && is_floating_point(tensor->dtype) ? *settings.dtype : tensor->dtype;
    content.items.push_back({tensor, dtype});
  }
  if (content.items.empty()) {
    const std::string hint = settings.kind == kMovingAverage
                                 ? "a moving average is kept only when training with train.ema_decay > 0"
                                 : "give a checkpoint of a model";
    throw usage_error(fmt::format("{} holds no {}", source.title, settings.kind), hint);
  }
  if (!source.config.empty()) content.metadata[kConfigMetadata] = config_as_text(source.config);
  if (source.step) content.metadata[kStepMetadata] = std::to_string(*source.step);
  return content;
}

Plan plan_layout(const Source& source, int ranks) {
  for (const SourceTensor& tensor : source.tensors) {
    if (is_floating_point(tensor.dtype)) continue;
    throw usage_error(fmt::format("{} holds {}, a tensor of {}, which no dfm model has", source.title,
                                  tensor.name, name_of(tensor.dtype)),
                      "export it to .safetensors or .pth instead");
  }
  if (source.of_kind(kWeights).empty()) throw usage_error(source.title + " holds no weights");
  if (source.config.empty()) {
    throw usage_error(source.title + " carries no configuration of its model",
                      "give the one to train with: --config-file, --recipe or model.* words");
  }
  return plan_checkpoint(source.tensors, ranks, missing_moments(source));
}

// A folder is replaced by a new one; what else lies in it would be lost.
void refuse_strangers(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().native();
    if (name.starts_with("model") && name.find(".safetensors") != std::string::npos) continue;
    throw usage_error(fmt::format("{} holds {}, which is no part of such an output", folder.native(), name),
                      "name a new folder");
  }
}

void refuse_in_the_way(const Source& source, const Preparation& made) {
  const bool is_there = fs::exists(made.output);
  if (is_there && fs::equivalent(made.output, source.path)) {
    throw usage_error(fmt::format("{} is to be read and written at once", made.output.native()),
                      "choose another name for the output");
  }
  if (is_there && fs::is_directory(made.output) != made.is_folder) {
    throw usage_error(fmt::format("{} is a {}", made.output.native(), made.is_folder ? "file" : "folder"),
                      "choose another name for the output");
  }
  if (made.is_folder && !made.layout) refuse_strangers(made.output);
}

// The first folder on the way to the output that exists.
fs::path existing_folder(const fs::path& output) {
  fs::path folder = fs::absolute(output).parent_path();
  while (!folder.empty() && folder != folder.root_path() && !fs::exists(folder))
    folder = folder.parent_path();
  return folder;
}

std::uint64_t require_space(const Preparation& made) {
  const fs::path folder = existing_folder(made.output);
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) return 0;  // not every file system tells; the writing will
  if (space.available >= made.plan.size_bytes()) return space.available;
  throw storage_error(
      fmt::format("{} needs {}, but the disk is full but for {} in {}", made.output.native(),
                  format_bytes(made.plan.size_bytes()), format_bytes(space.available), folder.native()),
      "make room, or write to another file system");
}

Preparation prepare(const Source& source, const ExportSettings& settings) {
  Preparation made{{}, settings.output, false, {}};
  if (settings.format == ExportFormat::checkpoint) {
    made.layout = layout_target(settings.output, source);
    made.plan = plan_layout(source, settings.ranks);
    made.output = made.layout->folder;
    made.is_folder = true;
    return made;
  }
  const ExportContent content = content_of(source, settings);
  switch (settings.format) {
    case ExportFormat::parts:
      made.is_folder = true;
      made.plan = plan_safetensors_parts(content, settings.max_part_bytes);
      break;
    case ExportFormat::torch:
      made.plan = plan_torch_file(content);
      break;
    case ExportFormat::hdf5:
      made.plan = plan_hdf5(content);
      break;
    default:
      made.plan = plan_safetensors(content);
  }
  return made;
}

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
