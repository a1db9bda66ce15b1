// PNG files and contact sheets.
#include <gtest/gtest.h>

#include "media/image_writer.h"
#include "unit/media/pictures.h"
#include "unit/media/support.h"

namespace dfm::media {
namespace {

TEST(EncodePng, IsReadBackExactly) {
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(3, 200), std::pair(64, 48)}) {
    const Image image = random_image(width, height, 3);
    EXPECT_EQ(decode_image(bytes_of(encode_png(image)), "encoded"), image);
  }
}

TEST(EncodePng, GivesTheSameBytesForTheSamePicture) {
  EXPECT_EQ(encode_png(random_image(100, 100, 4)), encode_png(random_image(100, 100, 4)));
}

TEST(EncodePng, SaysSizeAndKindInItsHeader) {
  // PNG specification, 11.2.2: width, height, 8 bits, RGB, deflate, adaptive filters, not interlaced.
  EXPECT_EQ(encode_png(make_image(300, 2)).substr(8, 21),
            std::string("\0\0\0\x0DIHDR\0\0\x01\x2C\0\0\0\x02\x08\x02\0\0\0", 21));
}

TEST(ContactSheet, PutsPicturesOfDifferentSizesInTheMiddleOfEqualCells) {
  const auto dot = [](int red) { return Image{1, 1, {static_cast<std::uint8_t>(red), 0, 0}}; };
  const Image large = paint(3, 5, [](int, int) { return rgb(0, 9, 0); });
  const Image sheet = contact_sheet({dot(1), large, dot(3)}, 2, 2);
  ASSERT_EQ(sheet.width, 2 + 3 + 2 + 3 + 2);
  ASSERT_EQ(sheet.height, 2 + 5 + 2 + 5 + 2);
  EXPECT_EQ(pixel(sheet, 3, 4), rgb(1, 0, 0));
  EXPECT_EQ(crop(sheet, 7, 2, 3, 5), large);
  EXPECT_EQ(pixel(sheet, 3, 11), rgb(3, 0, 0));
  EXPECT_EQ(pixel(sheet, 0, 0), rgb(255, 255, 255));
  EXPECT_EQ(pixel(sheet, 8, 11), rgb(255, 255, 255));
}

TEST(ContactSheet, IsNoWiderThanItsPictures) {
  EXPECT_EQ(contact_sheet({make_image(4, 4)}, 8, 0), make_image(4, 4));
}

}  // namespace
}  // namespace dfm::media
