#include "ckpt/export/preparation.h"

#include <algorithm>

#include <fmt/core.h>

#include "ckpt/export/metadata.h"
#include "ckpt/wan_names.h"
#include "core/convert.h"
#include "core/error.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

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

void require_configuration(const Source& source) {
  if (!source.config.empty()) return;
  throw usage_error(source.title + " carries no configuration of its model",
                    "give the one it is trained with: --config-file, --recipe or model.* words");
}

Plan plan_layout(const Source& source, int ranks) {
  for (const SourceTensor& tensor : source.tensors) {
    if (is_floating_point(tensor.dtype)) continue;
    throw usage_error(fmt::format("{} holds {}, a tensor of {}, which no dfm model has", source.title,
                                  tensor.name, name_of(tensor.dtype)),
                      "export it to .safetensors or .pth instead");
  }
  if (source.of_kind(kWeights).empty()) throw usage_error(source.title + " holds no weights");
  require_configuration(source);
  return plan_checkpoint(source.tensors, ranks, missing_moments(source));
}

// By the names of diffusers' class.
std::shared_ptr<const Source> as_diffusers_has_it(const Source& source, const ExportSettings& settings,
                                                  const WanSizes& sizes) {
  std::vector<SourceTensor> tensors;
  for (const SourceTensor* const tensor : source.of_kind(settings.kind)) tensors.push_back(*tensor);
  auto converted = std::make_shared<Source>(source);
  converted->tensors = wan_to_diffusers(std::move(tensors), sizes);
  std::ranges::sort(converted->tensors, {}, &SourceTensor::name);
  return converted;
}

void prepare_diffusers(const Source& source, const ExportSettings& settings, Preparation& made) {
  require_configuration(source);
  content_of(source, settings);  // throws where there is nothing to write
  const WanSizes sizes = wan_sizes(source.config);
  made.converted = as_diffusers_has_it(source, settings, sizes);
  made.plan =
      plan_diffusers(content_of(*made.converted, settings), settings.max_part_bytes, wan_config_json(sizes));
}

// A folder is replaced by a new one; what else lies in it would be lost.
void refuse_strangers(const fs::path& folder, const std::string& replaced) {
  if (!fs::exists(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().native();
    const bool is_replaced = !replaced.empty() && name.starts_with(replaced);
    if (is_replaced && name.find(".safetensors") != std::string::npos) continue;
    throw usage_error(fmt::format("{} holds {}, whose place the output does not take", folder.native(), name),
                      "name a new folder");
  }
}

// A file written into a checkpoint could take the place of one of its own.
void refuse_inside_checkpoint(const fs::path& output) {
  const fs::path folder = fs::absolute(output).parent_path();
  if (!fs::exists(folder / kManifestName)) return;
  throw usage_error(fmt::format("{} is a checkpoint, into which nothing else is written", folder.native()),
                    fmt::format("write beside it: {}",
                                (folder.parent_path() / output.filename()).lexically_normal().native()));
}

// The first folder on the way to the output that exists.
fs::path existing_folder(const fs::path& output) {
  fs::path folder = fs::absolute(output).parent_path();
  while (!folder.empty() && folder != folder.root_path() && !fs::exists(folder))
    folder = folder.parent_path();
  return folder;
}

}  // namespace

void refuse_in_the_way(const Source& source, const Preparation& made) {
  if (made.layout) refuse_checkpoint_there(*made.layout);
  const bool is_there = fs::exists(made.output);
  if (is_there && fs::equivalent(made.output, source.path)) {
    throw usage_error(fmt::format("{} is to be read and written at once", made.output.native()),
                      "choose another name for the output");
  }
  if (is_there && fs::is_directory(made.output) != made.is_folder) {
    throw usage_error(fmt::format("{} is a {}", made.output.native(), made.is_folder ? "file" : "folder"),
                      "choose another name for the output");
  }
  refuse_inside_checkpoint(made.output);
  if (made.is_folder && !made.layout) refuse_strangers(made.output, made.replaces);
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
  Preparation made;
  made.output = settings.output;
  if (settings.format == ExportFormat::checkpoint) {
    made.layout = layout_target(settings.output, source);
    made.plan = plan_layout(source, settings.ranks);
    made.output = made.layout->folder;
    made.is_folder = true;
    return made;
  }
  if (settings.format == ExportFormat::diffusers) {
    made.is_folder = true;
    prepare_diffusers(source, settings, made);
    return made;
  }
  const ExportContent content = content_of(source, settings);
  switch (settings.format) {
    case ExportFormat::parts:
      made.is_folder = true;
      made.replaces = "model";
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

}  // namespace dfm::ckpt
