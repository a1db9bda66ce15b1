// Pictures out: PNG files, and sheets that show many pictures at once.
//
//   write_durably(path, encode_png(contact_sheet(previews, 8, 4)));
#pragma once

#include <string>
#include <vector>

#include "media/image.h"

namespace dfm::media {

// The content of a PNG file: 8-bit RGB, no metadata, the same bytes for the same picture.
std::string encode_png(const Image& image);

// The pictures in rows of `columns` from the upper left, on white, gap_pixels apart and away from the border.
// They may differ in size: each stands in the middle of a cell as large as the largest. At least one picture
// and one column.
Image contact_sheet(const std::vector<Image>& pictures, int columns, int gap_pixels);

}  // namespace dfm::media
