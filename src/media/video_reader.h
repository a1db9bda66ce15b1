// Encoded videos (MP4, QuickTime, WebM, ...) to pictures, one after the other.
//
//   for_each_frame(bytes, "clip.mp4", [&](Image frame) { frames.push_back(resized(frame)); });
//
// Frames come in the order in which they are shown, turned as the video's display matrix says (how the camera
// was held). Sound and further video streams are passed over. Decoded on one thread: the same bytes give the
// same pixels on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "media/image.h"

namespace dfm::media {

// How many frames there were. A data error that begins with `what` for bytes that are no video, for one that
// is damaged or cut short, and for frames whose size changes.
std::int64_t for_each_frame(std::span<const std::byte> bytes, std::string_view what,
                            const std::function<void(Image)>& visit);

}  // namespace dfm::media
