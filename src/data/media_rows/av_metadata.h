// What a sound or video is, as Energon's AVDecoder.get_metadata says it: durations, numbers of frames and
// samples, sizes. Packets are counted and all sound is decoded, as there; of pictures only the first one.
#pragma once

#include <string>

#include "core/file.h"
#include "data/energon/shard_scan.h"

namespace dfm::data {

// Compact JSON. A data error where the part is no sound or video that libav can read.
std::string av_metadata(const File& shard, const SamplePart& part);

}  // namespace dfm::data
