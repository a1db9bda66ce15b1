// .info.json, read in one pass: a data set may have 100,000 shards, and an ordered object of a JSON library
// is searched from its beginning for each key that is added.
#pragma once

#include <string>
#include <string_view>

#include "data/energon/dataset_metadata.h"

namespace dfm::data {

// Throws a data error that begins with `what` (a file name) for text that is not of that form. Keys that are
// not known are passed over.
DatasetInfo parse_info_json(std::string_view text, const std::string& what);

}  // namespace dfm::data
