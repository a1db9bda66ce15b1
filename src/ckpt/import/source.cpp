#include "ckpt/import/source.h"

#include <algorithm>

#include <fmt/core.h>

#include "ckpt/import/foreign.h"
#include "core/error.h"
#include "data/zip/crc.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

bool is_there(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error && status.type() != fs::file_type::not_found) {
    throw system_error("look at", path.native(), error.value());
  }
  return fs::exists(status);
}

SourceKind kind_of_file(const fs::path& path) {
  return path.extension() == ".safetensors" ? SourceKind::safetensors : SourceKind::torch_file;
}

// The step in the name of a folder such as iter_0001000.
std::optional<std::int64_t> step_in_name(const fs::path& path) {
  const std::string name = (path.has_filename() ? path : path.parent_path()).filename().native();
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  if (digits == name.size() || name.size() - digits > 18 || !name.starts_with("iter_")) return std::nullopt;
  return std::stoll(name.substr(digits));
}

}  // namespace

std::uint64_t SourceTensor::size_bytes() const {
  return static_cast<std::uint64_t>(element_count(shape)) * size_of(dtype);
}

std::vector<const SourceTensor*> Source::of_kind(const std::string& kind) const {
  std::vector<const SourceTensor*> found;
  for (const SourceTensor& tensor : tensors) {
    if (tensor.kind == kind) found.push_back(&tensor);
  }
  return found;
}

StoredCheck check_of(SourceTensor tensor) {
  const std::string place = tensor.name;
  const std::uint64_t bytes = tensor.size_bytes();
  return {
      place, bytes, [tensor = std::move(tensor)] {
        static constexpr std::int64_t kSliceBytes = 1 << 20;
        const auto element = static_cast<std::int64_t>(size_of(tensor.dtype));
        const std::int64_t count = element_count(tensor.shape);
        std::vector<std::byte> slice;
        std::uint32_t crc = 0;
        for (std::int64_t begin = 0; begin < count; begin += kSliceBytes / element) {
          slice.resize(static_cast<std::size_t>(std::min(count - begin, kSliceBytes / element) * element));
          tensor.read(begin, slice);
          crc = data::extend_crc32(crc, slice);
        }
        require_crc(tensor.name, crc, *tensor.crc32);
      }};
}

void require_crc(const std::string& place, std::uint32_t found, std::uint32_t recorded) {
  if (found == recorded) return;
  throw data_error(
      fmt::format("the content of {} has the CRC {:08x}, {:08x} is recorded", place, found, recorded),
      "the file is damaged: copy or make it again");
}

SourceKind recognize_source(const fs::path& path) {
  if (is_there(path) && !fs::is_directory(path)) return kind_of_file(path);
  if (is_there(path / ".metadata")) return SourceKind::torch_distributed;
  if (!is_there(path / kManifestName)) {
    if (!rank_shard_files(path).empty()) return SourceKind::rank_shards;
    if (is_there(path / kSafetensorsIndexName)) return SourceKind::safetensors;
    if (is_there(path / kModelFileName)) return SourceKind::torch_file;
    if (diffusers_folder(path)) return SourceKind::diffusers;
  }
  return SourceKind::dfm;
}

Source open_foreign_source(const fs::path& path, SourceKind kind) {
  Source source;
  switch (kind) {
    case SourceKind::torch_distributed:
      source = open_torch_distributed(path);
      break;
    case SourceKind::rank_shards:
      source = open_torch_files(rank_shard_files(path));
      source.title = fmt::format("rank shards of {}", path.native());
      break;
    case SourceKind::torch_file:
      source = open_torch_files({fs::is_directory(path) ? path / kModelFileName : path});
      source.title = path.native();
      break;
    case SourceKind::safetensors:
      source = open_safetensors_source(path);
      break;
    case SourceKind::diffusers:
      source = open_diffusers_source(path);
      break;
    case SourceKind::dfm:
      throw internal_error("open_foreign_source: a checkpoint of dfm's own");
  }
  if (source.path.empty()) source.path = path;
  if (!source.step) source.step = step_in_name(path);
  sort_out(source);
  if (kind == SourceKind::torch_distributed) divide_stacks(source);
  return source;
}

}  // namespace dfm::ckpt
