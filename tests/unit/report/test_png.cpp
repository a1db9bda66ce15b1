#include <gtest/gtest.h>

#include "core/error.h"
#include "report/png.h"
#include "unit/report/small_png.h"

namespace dfm::report {
namespace {

TEST(PngHeader, TellsTheSizeAndTheChannels) {
  const PngHeader header = read_png_header(small_png());
  EXPECT_EQ(header.width, 2U);
  EXPECT_EQ(header.height, 1U);
  EXPECT_EQ(header.channels, 3);
}

TEST(PngHeader, RefusesWhatIsCutShort) {
  const auto png = small_png();
  for (const std::size_t size : {0, 8, 16, 25}) {
    EXPECT_THROW(read_png_header(std::span(png).first(size)), Error) << size;
  }
}

TEST(PngHeader, RefusesOtherFormatsAndColourTypes) {
  auto other_format = small_png();
  other_format[1] = std::byte{'J'};
  auto other_color = small_png();
  other_color[25] = std::byte{5};
  EXPECT_THROW(read_png_header(other_format), Error);
  EXPECT_THROW(read_png_header(other_color), Error);
}

}  // namespace
}  // namespace dfm::report
