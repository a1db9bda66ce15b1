#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "media/video_reader.h"
#include "media/video_writer.h"

namespace dfm::media {
namespace {

using ::testing::HasSubstr;

// Red above, blue below; the line between them falls.
std::vector<Image> falling_line(int frames) {
  std::vector<Image> video;
  for (int i = 0; i < frames; ++i) {
    Image image = make_image(64, 32);
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 64; ++x)
        image.rgb[static_cast<std::size_t>(3 * (y * 64 + x) + (y < 8 + 2 * i ? 0 : 2))] = 200;
    }
    video.push_back(image);
  }
  return video;
}

std::vector<Image> read(const std::string& file) {
  std::vector<Image> frames;
  for_each_frame(std::as_bytes(std::span(file)), "clip.mp4",
                 [&](Image frame) { frames.push_back(std::move(frame)); });
  return frames;
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(int{a.rgb[i]} - int{b.rgb[i]});
  return sum / static_cast<double>(a.rgb.size());
}

// The matrix of the track header, 16.16 fixed point: a turn by 90 degrees, as a phone held upright writes it.
std::string turned_by_90(std::string file) {
  const std::string unit("\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0", 36);
  const std::string turn("\0\0\0\0\0\1\0\0\0\0\0\0\xFF\xFF\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0",
                         36);
  const std::size_t track = file.find("tkhd");
  return file.replace(file.find(unit, track), unit.size(), turn);
}

TEST(VideoReader, GivesBackTheFramesInOrder) {
  for (const VideoCodec codec : {best_video_codec(), VideoCodec::mpeg4}) {
    const auto written = falling_line(9);
    const auto frames = read(encode_mp4(written, 8, codec));
    ASSERT_EQ(frames.size(), written.size());
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_LT(mean_difference(frames[i], written[i]), 8) << i;
  }
}

TEST(VideoReader, TurnsAsTheCameraWasHeld) {
  const auto plain = read(encode_mp4(falling_line(3), 8, VideoCodec::mpeg4));
  const auto turned = read(turned_by_90(encode_mp4(falling_line(3), 8, VideoCodec::mpeg4)));
  ASSERT_EQ(turned.size(), 3U);
  ASSERT_EQ(turned[0].width, 32);
  ASSERT_EQ(turned[0].height, 64);
  // Clockwise: what was at the top is at the right.
  for (const int channel : {0, 1, 2}) {
    EXPECT_EQ(turned[0].rgb[3 * 31 + channel], plain[0].rgb[channel]);
    EXPECT_EQ(turned[0].rgb[channel], plain[0].rgb[3 * 31 * 64 + channel]);
  }
}

TEST(VideoReader, RefusesWhatIsNoVideoOrCutShort) {
  const std::string whole = encode_mp4(falling_line(9), 8, VideoCodec::mpeg4);
  for (const std::string& bad : {std::string("no video"), std::string(), whole.substr(0, whole.size() / 2)}) {
    try {
      read(bad);
      FAIL() << bad.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ExitCode::data);
      EXPECT_THAT(error.what(), HasSubstr("clip.mp4"));
    }
  }
}

}  // namespace
}  // namespace dfm::media
