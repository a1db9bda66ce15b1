// The data sets of a metadataset as one source.
#pragma once

#include "data/loader/sample.h"
#include "data/loader/source_index.h"
#include "data/loader/source_settings.h"

namespace dfm::data {

// Of a metadataset; its blend says how often each data set is drawn. Throws a data error when their texts
// differ in width, and when nothing is left to draw.
SampleSource blended_source(const SourceIndex& index, const SourceSettings& settings);

}  // namespace dfm::data
