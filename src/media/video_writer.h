// Videos out: frames to an MP4 file.
//
//   write_mp4("step_1000.mp4", frames, 24);
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "media/image.h"

namespace dfm::media {

enum class VideoCodec { h264, mpeg4 };

// H.264 where this libavcodec has libx264, else MPEG-4 part 2, which it always has.
VideoCodec best_video_codec();

// The content of an MP4 file: 4:2:0 in BT.709 at high, constant quality. One odd column or row is doubled, as
// 4:2:0 needs even sides. At least one frame, all of one size, at 1 to 1000 frames per second. On one thread
// and without dates: the same frames give the same bytes.
std::string encode_mp4(const std::vector<Image>& frames, int frames_per_second, VideoCodec codec);

// With the best codec; all or nothing (core/file.h).
void write_mp4(const std::filesystem::path& path, const std::vector<Image>& frames, int frames_per_second);

}  // namespace dfm::media
