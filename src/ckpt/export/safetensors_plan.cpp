#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ckpt/export/metadata.h"
#include "ckpt/export/plan.h"
#include "ckpt/import/foreign.h"
#include "ckpt/safetensors.h"
#include "core/json.h"

namespace dfm::ckpt {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// Adds a file with these items to the plan.
void add_file(Plan& plan, std::string name, std::span<const ExportItem> items,
              const std::map<std::string, std::string>& metadata) {
  std::vector<TensorEntry> entries;
  for (const ExportItem& item : items) entries.push_back({item.tensor->name, item.dtype, item.tensor->shape});
  TextMetadata texts{{"format", "pt"}};
  texts.insert(metadata.begin(), metadata.end());
  PlannedFile file{std::move(name), 0, {{0, bytes_of(safetensors_header(entries, texts))}}, nullptr};
  file.size_bytes = file.fixed.front().bytes.size();
  for (const ExportItem& item : items) {
    plan.places.push_back(
        {item.tensor, item.dtype, 0, element_count(item.tensor->shape), plan.files.size(), file.size_bytes});
    file.size_bytes += item.size_bytes();
  }
  plan.files.push_back(std::move(file));
}

// How many items go into each part.
std::vector<std::size_t> divide(const std::vector<ExportItem>& items, std::uint64_t max_part_bytes) {
  std::vector<std::size_t> counts;
  std::uint64_t bytes = 0;
  for (const ExportItem& item : items) {
    if (counts.empty() || bytes + item.size_bytes() > max_part_bytes) {
      counts.push_back(0);
      bytes = 0;
    }
    bytes += item.size_bytes();
    ++counts.back();
  }
  if (counts.empty()) counts.push_back(0);
  return counts;
}

void add_text(Plan& plan, std::string name, const std::string& text) {
  plan.files.push_back({std::move(name), text.size(), {{0, bytes_of(text)}}, nullptr});
}

void add_index(Plan& plan, const ExportContent& content, const std::string& stem) {
  Json map = Json::object();
  std::uint64_t bytes = 0;
  std::int64_t parameters = 0;
  for (const Place& place : plan.places) {
    map[place.tensor->name] = plan.files[place.file].name;
    bytes += place.size_bytes();
    parameters += place.count;
  }
  Json metadata = {{"total_size", bytes}, {"total_parameters", parameters}};
  for (const auto& [key, value] : content.metadata) metadata[key] = value;
  const Json index = {{"metadata", metadata}, {"weight_map", map}};
  add_text(plan, stem + ".safetensors.index.json",
           index.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void add_parts(Plan& plan, const ExportContent& content, const std::vector<std::size_t>& counts,
               const std::string& stem) {
  std::size_t first = 0;
  for (std::size_t part = 0; part < counts.size(); ++part) {
    const auto items = std::span(content.items).subspan(first, counts[part]);
    add_file(plan, fmt::format("{}-{:05}-of-{:05}.safetensors", stem, part + 1, counts.size()), items,
             content.metadata);
    first += counts[part];
  }
  add_index(plan, content, stem);
}

}  // namespace

Plan plan_safetensors(const ExportContent& content) {
  Plan plan;
  add_file(plan, "", content.items, content.metadata);
  return plan;
}

Plan plan_safetensors_parts(const ExportContent& content, std::uint64_t max_part_bytes) {
  Plan plan;
  add_parts(plan, content, divide(content.items, max_part_bytes), "model");
  return plan;
}

Plan plan_diffusers(const ExportContent& content, std::uint64_t max_part_bytes,
                    const std::string& config_json) {
  Plan plan;
  const std::vector<std::size_t> counts = divide(content.items, max_part_bytes);
  if (counts.size() == 1) {
    add_file(plan, fmt::format("{}.safetensors", kDiffusersStem), content.items, content.metadata);
  } else {
    add_parts(plan, content, counts, kDiffusersStem);
  }
  add_text(plan, kDiffusersConfigName, config_json);
  return plan;
}

}  // namespace dfm::ckpt
