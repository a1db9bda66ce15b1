// From the parts of a sample to what trains: KEY.pth (or KEY..pth) is the latent, KEY.pickle the text
// embedding (spec/nemo_diffusion.md section 5.1).
#pragma once

#include "data/energon/raw_sample.h"
#include "data/loader/sample.h"

namespace dfm::data {

// Decodes one sample: leading axes of 1 are dropped. Throws a data error that names the sample for a missing
// part, a tensor that cannot be read, and values that are not finite or above 1000 (spec/dfm.md section 4.4).
Sample decode_sample(const RawSample& raw);

}  // namespace dfm::data
