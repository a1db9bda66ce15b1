// The three files of a sample against codec and text encoder themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/tensor/tensor_file.h"
#include "prepare/sample_maker.h"
#include "support/errors.h"
#include "support/tensor_files.h"
#include "unit/prepare/small_pictures.h"

namespace dfm::prepare {
namespace {

using dfm::testing::error_of;
using ::testing::HasSubstr;

SampleFiles made(const media::Item& item, const std::string& encoded, const Layer& more = {}) {
  return make_sample(item, std::as_bytes(std::span(encoded)), settings_with("in", "out", more));
}

const media::Item kItem{"a/b.png", "two words"};

TEST(MakeSample, StoresTheLatentOfThePictureCutToMultiplesOf16) {
  const SampleFiles files = made(kItem, media::encode_png(small_picture(1)));
  const Array latent = data::read_pth(files.pth, "pth");
  EXPECT_EQ(latent.dtype, DType::bfloat16);
  EXPECT_EQ(latent.shape, (Shape{16, 1, 2, 2}));
  // 24 x 17 pixels: the middle 16 x 16.
  const Array expected =
      encoders::make_codec("dct", {}).encode({media::crop(small_picture(1), 4, 0, 16, 16)});
  EXPECT_EQ(latent.bytes, from_floats(expected.as<float>(), expected.shape, DType::bfloat16).bytes);
}

TEST(MakeSample, ResizesToTheAskedSize) {
  const SampleFiles files = made(kItem, media::encode_png(small_picture(1)),
                                 {{"prepare.height", "32", "test"}, {"prepare.width", "48", "test"}});
  EXPECT_EQ(data::read_pth(files.pth, "pth").shape, (Shape{16, 1, 4, 6}));
}

TEST(MakeSample, StoresTheEmbeddingOfTheCaption) {
  const SampleFiles files = made(kItem, media::encode_png(small_picture(1)));
  const Array text = data::read_tensor(data::ByteRange::of(files.pickle), dfm::testing::kPickle, "pickle");
  const Array expected = encoders::make_text_encoder({"hash"}, {}).encode("two words");
  EXPECT_EQ(text.shape, (Shape{2, 1024}));
  EXPECT_EQ(text.dtype, DType::float16);
  EXPECT_EQ(text.bytes, expected.bytes);
}

TEST(MakeSample, DescribesTheSampleInJson) {
  const auto json = nlohmann::json::parse(made(kItem, media::encode_png(small_picture(1))).json);
  EXPECT_EQ(json.at("caption"), "two words");
  EXPECT_EQ(json.at("file_name"), "a/b.png");
  EXPECT_EQ(json.at("original_width"), 24);
  EXPECT_EQ(json.at("original_height"), 17);
  EXPECT_EQ(json.at("image_width"), 16);
  EXPECT_EQ(json.at("image_height"), 16);
  EXPECT_EQ(json.at("codec"), "dct");
  EXPECT_EQ(json.at("text_encoder"), "hash");
}

TEST(MakeSample, RefusesAPictureWithoutCaption) {
  const Error error = error_of([] { made({"a/b.png", {}}, media::encode_png(small_picture(1))); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("a/b.png has no caption"));
  EXPECT_THAT(error.hint(), HasSubstr("metadata.csv"));
}

TEST(MakeSample, RefusesAPictureSmallerThanAPatch) {
  const Error error = error_of([] { made(kItem, media::encode_png(media::make_image(15, 64))); });
  EXPECT_EQ(error.kind(), ExitCode::data);
}

TEST(MakeSample, RefusesWhatIsNoPictureByName) {
  const Error error = error_of([] { made(kItem, "hello"); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("a/b.png"));
}

}  // namespace
}  // namespace dfm::prepare
