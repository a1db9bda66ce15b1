// The data sets of a metadataset as one source.
#pragma once

#include "data/loader/metadataset.h"
#include "data/loader/sample.h"
#include "data/loader/source_settings.h"

namespace dfm::data {

// Its blend says how often each data set is drawn. Throws a data error when one of them cannot be opened,
// when their texts differ in width, and when nothing is left to draw.
SampleSource blended_source(const Metadataset& blend, const SourceSettings& settings);

}  // namespace dfm::data
