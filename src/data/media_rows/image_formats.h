// Headers of pictures, a function a format, for image_header.cpp. Each is given bytes that begin as its
// format does; a mode that is empty means that the header is none that can be read.
#pragma once

#include "data/media_rows/header_bytes.h"
#include "data/media_rows/image_header.h"

namespace dfm::data {

ImageHeader read_png(HeaderBytes& bytes);       // ISO/IEC 15948, 11.2.2
ImageHeader read_jpeg(HeaderBytes& bytes);      // ISO/IEC 10918-1, B.2.2
ImageHeader read_gif(HeaderBytes& bytes);       // GIF89a
ImageHeader read_bmp(HeaderBytes& bytes);       // BITMAPCOREHEADER, BITMAPINFOHEADER and its successors
ImageHeader read_webp(HeaderBytes& bytes);      // RFC 9649
ImageHeader read_tiff(HeaderBytes& bytes);      // TIFF 6.0, and BigTIFF
ImageHeader read_icon(HeaderBytes& bytes);      // ICO: its largest picture
ImageHeader read_jpeg2000(HeaderBytes& bytes);  // ISO/IEC 15444-1, A.5.1 and annex I

// Where the bytes are bitmap without a file header, as inside an icon. Its mode and palette are not looked
// at.
struct BitmapSize {
  std::uint32_t width = 0, height = 0;
};
BitmapSize read_bitmap_size(HeaderBytes& bytes, std::uint64_t offset);

}  // namespace dfm::data
