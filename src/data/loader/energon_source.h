// A prepared folder as a source of training samples: KEY.pth (or KEY..pth) is the latent, KEY.pickle the text
// embedding (spec/nemo_diffusion.md section 5.1).
#pragma once

#include <filesystem>
#include <string_view>

#include "data/energon/raw_sample.h"
#include "data/loader/sample.h"

namespace dfm::data {

// Throws a data error when the folder is not indexed or its split is empty.
SampleSource energon_source(const std::filesystem::path& root, std::string_view split);

// Whether the split exists and names at least one shard.
bool has_samples(const std::filesystem::path& root, std::string_view split);

// Decodes one sample: leading axes of 1 are dropped. Throws a data error that names the sample for a missing
// part, a tensor that cannot be read, and values that are not finite or above 1000 (spec/dfm.md section 4.4).
Sample decode_sample(const RawSample& raw);

}  // namespace dfm::data
