// One picture with its caption to the three files of a sample (spec/energon.md section 1, spec/dfm.md
// section 4.2).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "media/source.h"
#include "prepare/prepare.h"

namespace dfm::prepare {

struct SampleFiles {
  std::vector<std::byte> pth;     // the latent, bfloat16 [C, 1, H/8, W/8]
  std::vector<std::byte> pickle;  // the text embedding, numpy float16 [rows, width]
  std::string json;
};

// Throws a data error for a picture that cannot be decoded or is too small, and for a missing caption.
SampleFiles make_sample(const media::Item& item, std::span<const std::byte> encoded,
                        const PrepareSettings& settings);

}  // namespace dfm::prepare
