// One video with its caption to its samples: the whole video as one latent, or some of its frames as pictures
// (spec/dfm.md section 4.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "media/source.h"
#include "prepare/prepare.h"
#include "prepare/sample_maker.h"

namespace dfm::prepare {

struct NamedSample {
  std::string suffix;  // of the key: "" for a video, "_01", "_02", ... for frames
  SampleFiles files;
};

// A video keeps its first 4n + 1 frames: the codec takes no others. Throws a data error for a video that is
// damaged, too small or too long to hold in memory, and for a missing caption.
std::vector<NamedSample> make_video_samples(const media::Item& item, std::span<const std::byte> encoded,
                                            const PrepareSettings& settings);

// Which of `total` frames are taken: `count` of them at equal distances from the first to the last, rounded
// down.
std::vector<std::int64_t> frame_positions(std::int64_t total, std::int64_t count);

}  // namespace dfm::prepare
