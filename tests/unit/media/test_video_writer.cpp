// Videos, read back with libav's own demuxer and decoder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "media/video_writer.h"
#include "unit/media/pictures.h"
#include "unit/media/support.h"
#include "unit/media/video_reader.h"

namespace dfm::media {
namespace {

// A square that moves over a background of slowly changing color.
std::vector<Image> moving_square(int width, int height, int count) {
  std::vector<Image> frames;
  for (int i = 0; i < count; ++i) {
    frames.push_back(paint(width, height, [&](int x, int y) {
      const bool inside = x >= 4 * i && x < 4 * i + 12 && y >= 8 && y < 20;
      return inside ? rgb(220, 40, 30) : rgb(20 + 2 * x, 100, 200 - 2 * y);
    }));
  }
  return frames;
}

class VideoFile : public ::testing::TestWithParam<VideoCodec> {};

TEST_P(VideoFile, HasTheFramesThatWereWritten) {
  const TemporaryFolder folder;
  const auto frames = moving_square(64, 48, 9);
  const auto path = folder.add("video.mp4", encode_mp4(frames, 12, GetParam()));
  const ReadVideo video = read_video(path);
  EXPECT_DOUBLE_EQ(video.frames_per_second, 12);
  EXPECT_NEAR(video.seconds, 9.0 / 12, 0.01);
  ASSERT_EQ(video.frames.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i)
    EXPECT_LT(mean_difference(video.frames[i], frames[i]), 5) << i;
}

TEST_P(VideoFile, IsTheSameForTheSameFrames) {
  const auto frames = moving_square(64, 48, 9);
  EXPECT_EQ(encode_mp4(frames, 12, GetParam()), encode_mp4(frames, 12, GetParam()));
}

TEST_P(VideoFile, KeepsColors) {
  const TemporaryFolder folder;
  for (const Color color :
       {rgb(255, 0, 0), rgb(0, 255, 0), rgb(0, 0, 255), rgb(255, 255, 255), rgb(0, 0, 0)}) {
    const Image image = paint(32, 32, [&](int, int) { return color; });
    const ReadVideo video = read_video(folder.add("video.mp4", encode_mp4({image}, 24, GetParam())));
    ASSERT_EQ(video.frames.size(), 1U);
    EXPECT_LE(largest_difference(video.frames[0], image), 6);
  }
}

TEST_P(VideoFile, DoublesTheLastColumnAndRowOfOddSides) {
  const TemporaryFolder folder;
  const Image image = paint(33, 21, [](int x, int y) { return rgb(5 * x, 10 * y, 128); });
  const ReadVideo video = read_video(folder.add("video.mp4", encode_mp4({image, image}, 1, GetParam())));
  ASSERT_EQ(video.frames.size(), 2U);
  ASSERT_EQ(video.frames[0].width, 34);
  ASSERT_EQ(video.frames[0].height, 22);
  const Image expected =
      paint(34, 22, [&](int x, int y) { return pixel(image, std::min(x, 32), std::min(y, 20)); });
  EXPECT_LT(mean_difference(video.frames[0], expected), 4);
}

INSTANTIATE_TEST_SUITE_P(Codecs, VideoFile, ::testing::Values(best_video_codec(), VideoCodec::mpeg4));

TEST(WriteMp4, LeavesOnlyTheFinishedFile) {
  const TemporaryFolder folder;
  write_mp4(folder.path() / "video.mp4", moving_square(32, 32, 3), 24);
  EXPECT_EQ(read_video(folder.path() / "video.mp4").frames.size(), 3U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteMp4, IsAStorageErrorWhereTheFolderIsMissing) {
  const TemporaryFolder folder;
  try {
    write_mp4(folder.path() / "missing" / "video.mp4", moving_square(32, 32, 1), 24);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
  }
}

TEST(EncodeMp4, RefusesFramesOfDifferentSizes) {
  EXPECT_THROW(encode_mp4({make_image(32, 32), make_image(32, 30)}, 24, VideoCodec::mpeg4), Error);
  EXPECT_THROW(encode_mp4({}, 24, VideoCodec::mpeg4), Error);
}

}  // namespace
}  // namespace dfm::media
