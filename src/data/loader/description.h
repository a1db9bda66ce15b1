// What a sample's .json part says of it: a caption, sizes, scores. It describes the sample and is not trained
// on; what it says may decide whether the sample is.
#pragma once

#include "core/json.h"
#include "data/energon/raw_sample.h"

namespace dfm::data {

// The value of the part .json or .jsn, as Python reads it (core/python_json.h). Throws a data error that
// names the sample: there is no such part, it is longer than 4 MiB, it is damaged.
Json description_of(const RawSample& raw);

// Its number aesthetic_score (spec/nemo_diffusion.md section 5.1). Throws a data error where there is none.
double aesthetic_score(const RawSample& raw);

}  // namespace dfm::data
