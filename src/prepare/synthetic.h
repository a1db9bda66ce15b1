// A data set out of nothing, to try and to measure training where there is none: sample i is a pure function
// of i, so its bytes do not depend on who makes it.
#pragma once

#include <cstdint>

#include "media/source.h"
#include "prepare/prepare.h"
#include "prepare/sample_maker.h"

namespace dfm::prepare {

// Names and captions of `count` samples; there are no files behind them.
media::Source synthetic_source(std::int64_t count);

// One video (a picture where num_frames is below 5) of height x width: a field of noise that moves, in
// colours of its own.
SampleFiles make_synthetic_sample(const media::Item& item, std::size_t index,
                                  const PrepareSettings& settings);

}  // namespace dfm::prepare
