#include "data/energon/dataset_definition.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "data/energon/yaml_text.h"

namespace dfm::data {
namespace {

constexpr const char* kExample = R"(for example --field-map '{"image": "jpg", "caption": "json[caption]"}')";

std::string names_of(const SampleType& type) {
  std::vector<std::string_view> names;
  for (const SampleField& field : type.fields) names.push_back(field.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Json parse_object(std::string_view text) {
  try {
    Json json = parse_json(text, "index.field_map");
    if (json.is_object()) return json;
  } catch (const Error& error) {
    throw usage_error(error.what(), kExample);
  }
  throw usage_error("index.field_map is no JSON object", kExample);
}

void check_fields(const FieldMap& map, const SampleType& type) {
  for (const auto& [name, expression] : map) {
    if (std::ranges::find(type.fields, name, &SampleField::name) != type.fields.end()) continue;
    throw usage_error(fmt::format("index.field_map: a {} has no field {}", type.name, name),
                      fmt::format("it has {}", names_of(type)));
  }
  for (const SampleField& field : type.fields) {
    const auto is_given = [&](const auto& entry) { return entry.first == field.name; };
    if (field.default_value.empty() && std::ranges::none_of(map, is_given)) {
      throw usage_error(
          fmt::format("index.field_map: the field {} of a {} must be given", field.name, type.name),
          kExample);
    }
  }
}

// A Python tuple of strings.
std::string python_tuple(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    std::string quoted = Json(part).dump(-1, ' ', true, Json::error_handler_t::replace);
    text += (text.empty() ? "" : ", ") + quoted;
  }
  return parts.size() == 1 ? "(" + text + ",)" : "(" + text + ")";
}

}  // namespace

std::string dataset_yaml(const DatasetDefinition& definition) {
  if (definition.sample_type == kCrudeType) {
    return "__module__: megatron.energon\n__class__: CrudeWebdataset\n";
  }
  std::string text =
      fmt::format("sample_type:\n  __module__: megatron.energon\n  __class__: {}\n", definition.sample_type);
  if (definition.needs_sample_loader()) {
    return text +
           "sample_loader: sample_loader.py:sample_loader\npart_filter: sample_loader.py:part_filter\n";
  }
  if (definition.field_map->empty()) return text + "field_map: {}\n";
  text += "field_map:\n";
  for (const auto& [field, expression] : *definition.field_map) text += yaml_map_entry(field, expression, 2);
  return text;
}

FieldMap parse_field_map(std::string_view text, const SampleType& type) {
  FieldMap map;
  const Json json = parse_object(text);
  for (const auto& [name, expression] : json.items()) {
    if (!expression.is_string() || expression.get_ref<const std::string&>().empty())
      throw usage_error(fmt::format("index.field_map: {} is not the name of a part", name), kExample);
    map.emplace_back(name, expression.get<std::string>());
  }
  check_fields(map, type);
  return map;
}

std::vector<std::string> parts_of_expression(std::string_view expression) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= expression.size();) {
    const auto end = std::min(expression.find(',', begin), expression.size());
    const std::string_view alternative = expression.substr(begin, end - begin);
    parts.emplace_back(alternative.substr(0, alternative.find('[')));
    begin = end + 1;
  }
  return parts;
}

std::string sample_loader_py(const SampleType& type, const std::vector<std::string>& parts) {
  std::string text = fmt::format(
      "# Made by dfm_index for samples of the type {}. Replace each \"TODO\".\n\n\n"
      "def sample_loader(raw: dict) -> dict:\n"
      "    # raw holds the decoded parts of a sample by extension.\n"
      "    return dict(\n",
      type.name);
  for (const SampleField& field : type.fields) {
    text += fmt::format("        {}=raw[\"TODO\"],  # {}{}\n", field.name, field.type,
                        field.default_value.empty() ? "" : fmt::format(", default {}", field.default_value));
  }
  return text + fmt::format(
                    "    )\n\n\n"
                    "def part_filter(part: str) -> bool:\n"
                    "    # Parts that are not listed are neither read nor decoded.\n"
                    "    return part in {}\n",
                    python_tuple(parts));
}

}  // namespace dfm::data
