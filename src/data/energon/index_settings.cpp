#include "data/energon/index_settings.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "data/energon/python_regex.h"

namespace dfm::data {
namespace {

std::optional<DatasetDefinition> dataset_definition(const Config& config) {
  if (config.flag("index.skip_dataset_yaml")) return std::nullopt;
  DatasetDefinition definition{config.text("index.sample_type")};
  const auto map = config.optional_text("index.field_map");
  if (!map) return definition;
  if (definition.sample_type == kCrudeType) {
    throw usage_error("index.field_map is given, but the sample type is CrudeWebdataset",
                      "crude samples need none: name another type with --sample-type");
  }
  definition.field_map = parse_field_map(*map, *find_sample_type(definition.sample_type));
  return definition;
}

std::string dataset_yaml_name(const Config& config) {
  std::string name = config.text("index.dataset_yaml_name");
  const bool is_taken =
      name == "split.yaml" || name.starts_with("index.") || name.starts_with("dfm_");  // other metadata
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos || is_taken) {
    throw usage_error(fmt::format("index.dataset_yaml_name = '{}' cannot be used", name),
                      "give the name of a file in .nv-meta that is not used yet, such as dataset.yaml");
  }
  return name;
}

std::optional<MediaFilter> media_filter(const Config& config) {
  const auto glob = config.optional_text("index.media_metadata_by_glob");
  const bool by_header = config.flag("index.media_metadata_by_header");
  const bool by_extension = config.flag("index.media_metadata_by_extension");
  if ((glob ? 1 : 0) + (by_header ? 1 : 0) + (by_extension ? 1 : 0) > 1) {
    throw usage_error("more than one of index.media_metadata_by_glob, _by_header and _by_extension is given",
                      "give one of them");
  }
  if (by_header) return MediaFilter{MediaStrategy::header};
  if (by_extension) return MediaFilter{MediaStrategy::extension};
  if (!glob) return std::nullopt;
  MediaFilter filter{MediaStrategy::glob};
  for (std::size_t begin = 0; begin <= glob->size();) {
    const auto end = std::min(glob->find(',', begin), glob->size());
    filter.patterns.push_back(glob->substr(begin, end - begin));
    begin = end + 1;
  }
  return filter;
}

void refuse_what_does_not_go_together(const IndexSettings& settings) {
  if (settings.tar_index_only && settings.media) {
    throw usage_error("index.media_metadata_by_... and index.tar_index_only do not go together",
                      "leave one of them out");
  }
  if (!settings.tar_index_only || settings.exclude.empty()) return;
  throw usage_error("index.exclude and index.tar_index_only do not go together",
                    "without some of its shards the data set has another .info.json: leave one of them out");
}

}  // namespace

IndexSettings index_settings(const Config& config) {
  const auto root = config.optional_text("index.root");
  if (!root || root->empty())
    throw usage_error("index.root is not given", "name the folder of shards: dfm_index FOLDER");
  IndexSettings settings{.root = *root,
                         .exclude = config.optional_text("index.exclude").value_or(""),
                         .split_ratio = parse_split_ratio(config.text("index.split_ratio")),
                         .split_patterns = parse_split_patterns(config.texts("index.split_parts")),
                         .shuffle_tars = config.flag("index.shuffle_tars"),
                         .tar_index_only = config.flag("index.tar_index_only"),
                         .rescan = config.flag("index.rescan"),
                         .strict = config.flag("index.strict"),
                         .force_overwrite = config.flag("index.force_overwrite"),
                         .dataset = dataset_definition(config),
                         .dataset_yaml_name = dataset_yaml_name(config),
                         .media = media_filter(config)};
  if (!settings.exclude.empty()) python_regex(settings.exclude, "index.exclude");
  refuse_what_does_not_go_together(settings);
  return settings;
}

}  // namespace dfm::data
