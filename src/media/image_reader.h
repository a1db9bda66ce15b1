// Encoded pictures to pixels: PNG, JPEG, WebP, BMP, TIFF and GIF (its first picture), told apart by their
// first bytes and decoded by libavcodec.
//
//   const Image image = decode_image(bytes, "flowers/rose.jpg");
//
// Grey, palette and 16-bit pictures become 8-bit RGB; what is transparent is laid over white; a JPEG is
// turned as its Exif orientation says. Colour profiles are not applied. The same bytes give the same pixels
// on every machine.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "media/image.h"

namespace dfm::media {

// A data error that begins with `what` and gives the reason: bytes of no known kind, damaged or cut pictures,
// more than kMostPixels pixels.
Image decode_image(std::span<const std::byte> bytes, std::string_view what);

}  // namespace dfm::media
