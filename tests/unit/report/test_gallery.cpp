#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "report/gallery.h"
#include "support/temporary_folder.h"
#include "unit/report/small_png.h"

namespace dfm::report {
namespace {

using dfm::testing::TemporaryFolder;

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Gallery, ShowsImagesBesideThePage) {
  const std::string page = render_gallery({.pictures = {{"a cat", FileBesidePage{"0 0.png"}}}});
  EXPECT_THAT(
      page,
      HasSubstr("<a href=\"./0%200.png\"><img loading=\"lazy\" alt=\"a cat\" src=\"./0%200.png\"/></a>"));
}

TEST(Gallery, PlaysVideos) {
  const std::string page = render_gallery({.pictures = {{"a cat", FileBesidePage{"0.mp4"}}}});
  EXPECT_THAT(page, HasSubstr("<video controls=\"\""));
  EXPECT_THAT(page, HasSubstr("src=\"./0.mp4\""));
}

TEST(Gallery, LinksOtherFiles) {
  const std::string page = render_gallery({.pictures = {{"", FileBesidePage{"<0>.safetensors"}}}});
  EXPECT_THAT(page, HasSubstr("<a class=\"file\" href=\"./%3C0%3E.safetensors\">&lt;0&gt;.safetensors</a>"));
}

TEST(Gallery, GivesAStripOfFramesTheWholeWidth) {
  auto strip = small_png();
  strip[19] = std::byte{3};  // the lowest byte of the width
  EXPECT_THAT(render_gallery({.pictures = {{"", PngBytes{strip}}}}),
              HasSubstr("class=\"picture card wide\""));
  EXPECT_THAT(render_gallery({.pictures = {{"", PngBytes{small_png()}}}}), Not(HasSubstr("card wide")));
}

TEST(Gallery, SaysThatThereAreNoSamples) { EXPECT_THAT(render_gallery({}), HasSubstr("No samples.")); }

TEST(Gallery, LeavesTheOldPageWhenAPictureIsNotPng) {
  const TemporaryFolder folder;
  write_durably(folder / "index.html", "old");
  EXPECT_THROW(write_gallery(folder / "index.html", {.pictures = {{"", PngBytes{{std::byte{1}}}}}}), Error);
  EXPECT_EQ(read_text(folder / "index.html"), "old");
}

TEST(Gallery, IsWrittenWhole) {
  const TemporaryFolder folder;
  const Gallery gallery{
      .title = "Samples", .facts = {{"Seed", "1"}}, .pictures = {{"a", PngBytes{small_png()}}}};
  write_gallery(folder / "index.html", gallery);
  EXPECT_EQ(read_text(folder / "index.html"), render_gallery(gallery));
}

}  // namespace
}  // namespace dfm::report
