// One .safetensors file, or the parts of one with their index, as Hugging Face's libraries and
// dfm_consolidate write them.
#include <map>
#include <memory>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ckpt/export/metadata.h"
#include "ckpt/import/foreign.h"
#include "ckpt/safetensors.h"
#include "core/error.h"
#include "core/json.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

// By name of the tensor, the file that holds it.
std::map<std::string, std::string> read_index(const fs::path& path) {
  const Json index = read_json(path);
  try {
    auto files = index.at("weight_map").get<std::map<std::string, std::string>>();
    for (const auto& [tensor, file] : files) {
      const bool is_inside = !file.empty() && file.front() != '.' && file.find('/') == std::string::npos;
      if (!is_inside) throw data_error(fmt::format("{} names a file outside of its folder", path.native()));
    }
    return files;
  } catch (const nlohmann::json::exception& error) {
    throw data_error(fmt::format("{} is no index of parts: {}", path.native(), error.what()));
  }
}

void take_metadata(const TextMetadata& metadata, Source& source) {
  if (const auto found = metadata.find(kConfigMetadata); found != metadata.end()) {
    source.config = config_from_text(found->second);
  }
  if (const auto found = metadata.find(kStepMetadata); found != metadata.end()) {
    source.step = step_from_text(found->second);
  }
}

SourceTensor tensor_of(const std::shared_ptr<const SafetensorsFile>& file, const TensorEntry& entry) {
  SourceTensor tensor{.name = entry.name, .dtype = entry.dtype, .shape = entry.shape};
  tensor.read = [file, name = entry.name](std::int64_t begin, std::span<std::byte> out) {
    file->read_elements(name, begin, out);
  };
  return tensor;
}

// wanted: the names of the tensors that are taken; all when empty.
void add_file(const fs::path& path, const std::set<std::string>& wanted, Source& source) {
  const auto file = std::make_shared<const SafetensorsFile>(path);
  take_metadata(file->metadata(), source);
  for (const std::string& name : wanted) {
    if (!file->has(name))
      throw data_error(fmt::format("{} holds no {}, as its index says", path.native(), name));
  }
  for (const TensorEntry& entry : file->entries()) {
    if (wanted.empty() || wanted.contains(entry.name)) source.tensors.push_back(tensor_of(file, entry));
  }
}

}  // namespace

Source open_safetensors_source(const fs::path& path) {
  if (fs::is_directory(path)) return open_safetensors_parts(path / kSafetensorsIndexName);
  Source source;
  source.title = path.native();
  add_file(path, {}, source);
  return source;
}

Source open_safetensors_parts(const fs::path& index) {
  Source source;
  source.title = index.parent_path().native();
  std::map<std::string, std::set<std::string>> names;  // by file
  for (const auto& [tensor, file] : read_index(index)) names[file].insert(tensor);
  for (const auto& [file, wanted] : names) add_file(index.parent_path() / file, wanted, source);
  return source;
}

}  // namespace dfm::ckpt
