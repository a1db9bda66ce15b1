#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "data/tensor/tensor_file.h"
#include "media/video_writer.h"
#include "prepare/video_samples.h"
#include "unit/prepare/small_pictures.h"
#include "unit/train/one_rank.h"

namespace dfm::prepare {
namespace {

using ::testing::ElementsAre;

class VideoSamples : public ::testing::Test {
 protected:
  static std::string video(int frames) {
    std::vector<media::Image> images;
    for (int i = 0; i < frames; ++i) {
      media::Image image = media::make_image(48, 32);
      std::ranges::fill(image.rgb, static_cast<std::uint8_t>(20 * i));
      images.push_back(image);
    }
    return media::encode_mp4(images, 8, media::VideoCodec::mpeg4);
  }
  static std::vector<NamedSample> samples(const std::string& file, const Layer& more = {}) {
    const media::Item item{"clip.mp4", "a clip"};
    return make_video_samples(item, std::as_bytes(std::span(file)), settings_with("in", "out", more));
  }
};

TEST_F(VideoSamples, AreTheFirstFramesThatTheCodecTakes) {
  const auto made = samples(video(11));
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(made[0].suffix, "");
  EXPECT_EQ(data::read_pth(made[0].files.pth, "pth").shape, (Shape{16, 3, 4, 6}));
  const Json json = parse_json(made[0].files.json, "json");
  EXPECT_EQ(json.at("processed_frames"), 9);
  EXPECT_EQ(json.at("total_frames_in_video"), 11);
  EXPECT_EQ(json.at("caption"), "a clip");
}

TEST_F(VideoSamples, AreFramesAtEqualDistancesWhenAskedFor) {
  const auto made =
      samples(video(11), {{"prepare.mode", "frames", "test"}, {"prepare.num_frames", "4", "test"}});
  ASSERT_EQ(made.size(), 4U);
  float before = -100;
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(made[i].suffix, fmt::format("_{:02}", i + 1));
    EXPECT_EQ(parse_json(made[i].files.json, "json").at("frame_index"), (std::vector<int>{0, 3, 6, 10})[i]);
    const Array latent = data::read_pth(made[i].files.pth, "pth");
    EXPECT_EQ(latent.shape, (Shape{16, 1, 4, 6}));
    const float brightness = to_floats(latent)[0];
    EXPECT_GT(brightness, before);  // each frame is lighter than the one before
    before = brightness;
  }
}

TEST_F(VideoSamples, RepeatFramesOfAVideoThatIsShort) {
  EXPECT_THAT(frame_positions(2, 4), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(frame_positions(9, 1), ElementsAre(0));
  EXPECT_EQ(samples(video(2), {{"prepare.mode", "frames", "test"}}).size(), 10U);
}

TEST_F(VideoSamples, AreShardsAndBrokenVideosAreReported) {
  const dfm::testing::TemporaryFolder folder;
  folder.write("in/a.mp4", video(5));
  folder.write("in/a.json", R"({"caption": "a"})");
  folder.write("in/b.mov", video(5).substr(0, 700));
  folder.write("in/b.txt", "b");
  const auto report = prepare(settings_with(folder / "in", folder / "out"),
                              dfm::testing::one_rank_groups().data, ProgressStyle::silent);
  EXPECT_EQ(report.samples, 1);
  ASSERT_EQ(report.skipped.size(), 1U);
  EXPECT_THAT(report.skipped[0], ::testing::HasSubstr("b.mov"));
}

}  // namespace
}  // namespace dfm::prepare
