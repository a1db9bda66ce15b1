// Turns a picture the way the camera was held.
#pragma once

#include "media/image.h"
#include "media/libav.h"

namespace dfm::media {

// As the frame's display matrix says: libavcodec derives it from the Exif orientation of a JPEG. Without one,
// or for an angle that is no multiple of 90 degrees, the picture comes back as it is.
Image turn_upright(Image image, const AVFrame& frame);

}  // namespace dfm::media
