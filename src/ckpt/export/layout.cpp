#include "ckpt/export/layout.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>

#include <fmt/core.h>

#include "ckpt/export/export.h"
#include "ckpt/pointer.h"
#include "core/error.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

std::optional<std::int64_t> step_in_name(const fs::path& folder) {
  const std::string name = folder.filename().native();
  static constexpr std::string_view kPrefix = "iter_";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::int64_t step = -1;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (error == std::errc{} && rest == end && step >= 0) return step;
  throw usage_error(fmt::format("{} is no name of a checkpoint", folder.native()),
                    "name it like iter_0001000");
}

}  // namespace

LayoutTarget layout_target(const fs::path& output, const Source& source) {
  const fs::path path = output.has_filename() ? output : output.parent_path();
  const std::int64_t named = step_in_name(path).value_or(-1);  // negative: not in the name
  const std::int64_t own = source.manifest ? source.manifest->step : -1;
  if (own >= 0 && named >= 0 && own != named) {
    throw usage_error(
        fmt::format("{} has the name of step {}, the checkpoint is of step {}", path.native(), named, own),
        fmt::format("name it {}", checkpoint_folder(path.parent_path(), own).native()));
  }
  const std::int64_t step = std::max({own, named, std::int64_t{0}});
  return {named >= 0 ? path : checkpoint_folder(path, step), step};
}

void refuse_checkpoint_there(const LayoutTarget& target) {
  if (!fs::exists(target.folder / kManifestName)) return;
  throw usage_error(fmt::format("there is a checkpoint {} already", target.folder.native()),
                    "checkpoints are not replaced: remove it first, or name another folder");
}

Manifest layout_manifest(const Source& source, std::int64_t step, int ranks) {
  Manifest manifest = source.manifest.value_or(Manifest{});
  if (!source.manifest) {
    manifest.config = source.config;
    manifest.saved_at = format_utc(std::time(nullptr));
  }
  manifest.step = step;
  manifest.ranks = ranks;
  manifest.files.clear();
  return manifest;
}

std::vector<std::string> missing_moments(const Source& source) {
  if (source.manifest) return {};
  return {kFirstMoment, kSecondMoment};
}

void begin_average(Source& source) {
  const auto decay = source.config.find("train.ema_decay");
  const bool keeps_average = decay != source.config.end() && std::strtod(decay->second.c_str(), nullptr) > 0;
  if (source.manifest || !keeps_average || !source.of_kind(kMovingAverage).empty()) return;
  std::vector<SourceTensor> averages = source.tensors;
  for (SourceTensor& tensor : averages) tensor.kind = kMovingAverage;
  source.tensors.insert(source.tensors.begin(), averages.begin(), averages.end());
}

void announce(const LayoutTarget& target) {
  const fs::path root = target.folder.parent_path();
  const auto announced = read_pointer(root);
  if (!announced || *announced < target.step) write_pointer(root, target.step);
}

}  // namespace dfm::ckpt
