#include "data/energon/index_settings.h"

#include "core/error.h"

namespace dfm::data {

IndexSettings index_settings(const Config& config) {
  const auto root = config.optional_text("index.root");
  if (!root || root->empty())
    throw usage_error("index.root is not given", "name the folder of shards: dfm_index FOLDER");
  return {.root = *root,
          .exclude = config.optional_text("index.exclude").value_or(""),
          .split_ratio = parse_split_ratio(config.text("index.split_ratio")),
          .shuffle_tars = config.flag("index.shuffle_tars"),
          .rescan = config.flag("index.rescan"),
          .strict = config.flag("index.strict"),
          .force_overwrite = config.flag("index.force_overwrite")};
}

}  // namespace dfm::data
