// A prepared folder as a source of training samples: KEY.pth (or KEY..pth) is the latent, KEY.pickle the text
// embedding (spec/nemo_diffusion.md section 5.1).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/energon/raw_sample.h"
#include "data/loader/nearby_copies.h"
#include "data/loader/sample.h"

namespace dfm::data {

// Throws a data error when the folder is not indexed or its split is empty.
// Samples are read from copies of the shards where there are any.
SampleSource energon_source(const std::filesystem::path& root, std::string_view split,
                            const NearbyCopies& copies = {});

// What is read of a split, sample by sample: its shards, each after its index. Relative to the root.
std::vector<std::string> files_of_split(const std::filesystem::path& root, std::string_view split);

// Whether the split exists and names at least one shard.
bool has_samples(const std::filesystem::path& root, std::string_view split);

// Decodes one sample: leading axes of 1 are dropped. Throws a data error that names the sample for a missing
// part, a tensor that cannot be read, and values that are not finite or above 1000 (spec/dfm.md section 4.4).
Sample decode_sample(const RawSample& raw);

}  // namespace dfm::data
