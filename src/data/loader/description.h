// What a sample's .json part says of it: a caption, sizes, scores. It describes the sample and is not trained
// on; what it says may decide whether the sample is.
#pragma once

#include "data/energon/raw_sample.h"

namespace dfm::data {

// The number aesthetic_score (spec/nemo_diffusion.md section 5.1) of the part .json or .jsn, as Python reads
// it (core/python_json.h). Throws a data error that names the sample: there is no such part or number in it,
// the part is longer than 4 MiB or damaged.
double aesthetic_score(const RawSample& raw);

}  // namespace dfm::data
