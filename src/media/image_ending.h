// Whether a picture's data goes on to its end. libavcodec fills up JPEG and GIF pictures that were cut, in
// silence, so their structure is walked beforehand.
#pragma once

#include <cstddef>
#include <span>

namespace dfm::media {

// From the start through all segments and scans to the end-of-image marker (ISO/IEC 10918-1, annex B).
bool jpeg_has_end(std::span<const std::byte> bytes);

// From the start through the blocks to the end of the first picture's data (GIF89a specification).
bool gif_has_first_picture(std::span<const std::byte> bytes);

}  // namespace dfm::media
