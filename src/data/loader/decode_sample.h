// From the parts of a sample to what trains: KEY.pth is the latent, KEY.pickle the text embedding
// (spec/nemo_diffusion.md section 5.1), or other parts of data/tensor/tensor_parts.h.
#pragma once

#include <string_view>

#include "data/energon/raw_sample.h"
#include "data/energon/sample_shapes.h"
#include "data/loader/sample.h"

namespace dfm::data {

// Decodes one sample: leading axes of 1 are dropped. Throws a data error that names the sample for a missing
// part, a tensor that cannot be read, and values that are not finite or above 1000 (spec/dfm.md section 4.4);
// errors of the file system pass unchanged.
Sample decode_sample(const RawSample& raw);

// The shapes alone, from the headers of the parts.
TensorShapes shapes_of_sample(const RawSample& raw);

}  // namespace dfm::data
