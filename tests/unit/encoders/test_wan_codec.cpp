// The codec wan:DIR: what holds of it whatever its weights, and what is wrong with a folder. Its numbers are
// compared with diffusers' in tests/interop.
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "encoders/wan_codec.h"
#include "support/errors.h"
#include "support/wan_vae_folder.h"

namespace dfm::encoders {
namespace {

using dfm::testing::error_of;
using dfm::testing::TemporaryFolder;
using dfm::testing::WanVaeFolder;
using media::Image;
using ::testing::HasSubstr;

const Codec& codec() {
  static const Codec made = [] {
    const TemporaryFolder folder;
    WanVaeFolder().write(folder.path());
    return wan_codec(folder.path(), {});
  }();
  return made;
}

std::vector<Image> random_video(std::size_t frames, int width, int height) {
  std::mt19937 engine(3);
  std::vector<Image> video(frames, media::make_image(width, height));
  for (Image& image : video)
    for (auto& byte : image.rgb) byte = static_cast<std::uint8_t>(engine());
  return video;
}

Array random_latent(const Shape& shape) { return nn::to_array(dfm::testing::Normals(2)(shape)); }

TEST(WanCodec, HasTheGeometryOfItsConfiguration) {
  const Array latent = codec().encode(random_video(9, 24, 16));
  EXPECT_EQ(codec().channels, 3);
  EXPECT_EQ(codec().spatial_stride, 8);
  EXPECT_EQ(latent.dtype, DType::float32);
  EXPECT_EQ(latent.shape, (Shape{3, 3, 2, 3}));
  const std::vector<Image> decoded = codec().decode(latent);
  ASSERT_EQ(decoded.size(), 9U);
  for (const Image& image : decoded) {
    EXPECT_EQ(image.width, 24);
    EXPECT_EQ(image.height, 16);
  }
}

TEST(WanCodec, GivesTheBeginningOfAVideoTheLatentThatItHasAlone) {
  const std::vector<Image> video = random_video(9, 16, 8);
  const at::Tensor whole = nn::to_tensor(codec().encode(video));
  for (const std::int64_t frames : {1, 5}) {
    const at::Tensor begin = nn::to_tensor(codec().encode({video.begin(), video.begin() + frames}));
    EXPECT_TRUE(begin.equal(whole.narrow(1, 0, begin.size(1)))) << frames;
  }
}

TEST(WanCodec, DecodesTheBeginningOfALatentAsItWouldAlone) {
  const Array latent = random_latent({3, 3, 1, 2});
  const std::vector<Image> whole = codec().decode(latent);
  const std::vector<Image> first = codec().decode(first_latent_frame(latent));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0], whole[0]);
}

TEST(WanCodec, LetsLaterLatentsDependOnEarlierFrames) {
  std::vector<Image> video = random_video(5, 8, 8);
  const at::Tensor before = nn::to_tensor(codec().encode(video));
  video[0] = media::make_image(8, 8);
  EXPECT_FALSE(before.narrow(1, 1, 1).equal(nn::to_tensor(codec().encode(video)).narrow(1, 1, 1)));
}

TEST(WanCodec, KeepsNothingOfAVideoForTheNext) {
  const std::vector<Image> video = random_video(5, 16, 8);
  const Array first = codec().encode(video);
  EXPECT_EQ(codec().encode(video).bytes, first.bytes);
  EXPECT_EQ(codec().decode(first), codec().decode(first));
}

TEST(WanCodec, DecodesWhatIsNoNumberToBlackAndWhatIsTooLargeToBytes) {
  Array latent = make_array(DType::float32, {3, 2, 1, 1});
  for (float& x : latent.as<float>()) x = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(codec().decode(latent).at(4).rgb, ::testing::Each(0));
  for (float& x : latent.as<float>()) x = 1e30F;
  EXPECT_EQ(codec().decode(latent).size(), 5U);
}

TEST(WanCodec, RefusesLatentsOfAnotherForm) {
  EXPECT_THROW(codec().decode(make_array(DType::float32, {4, 1, 2, 2})), Error);
  EXPECT_THROW(codec().decode(make_array(DType::float32, {3, 2, 2})), Error);
  EXPECT_THROW(codec().decode(make_array(DType::float32, {3, 0, 2, 2})), Error);
  EXPECT_THROW(codec().decode(make_array(DType::float16, {3, 1, 2, 2})), Error);
}

TEST(WanCodec, RefusesFramesItCannotCut) {
  EXPECT_THROW(codec().encode({}), Error);
  EXPECT_EQ(error_of([] { codec().encode(random_video(4, 8, 8)); }).kind(), ExitCode::usage);
  EXPECT_THROW(codec().encode(random_video(1, 12, 8)), Error);
  std::vector<Image> mixed = random_video(5, 16, 8);
  mixed[3] = media::make_image(8, 16);
  EXPECT_THROW(codec().encode(mixed), Error);
}

class WanFolder : public ::testing::Test {
 protected:
  Error error_of_opening() const {
    vae_.write(folder_.path());
    return error_of([&] { wan_codec(folder_.path(), {}); });
  }

  WanVaeFolder vae_;
  TemporaryFolder folder_;
};

TEST_F(WanFolder, TellsItsShapeWithoutWeights) {
  vae_.write(folder_.path());
  std::filesystem::remove(folder_ / "diffusion_pytorch_model.safetensors");
  const CodecShape shape = codec_shape("wan:" + folder_.path().native());
  EXPECT_EQ(shape.channels, 3);
  EXPECT_EQ(shape.spatial_stride, 8);
}

TEST_F(WanFolder, OfAPipelineGivesTheCodecOfItsVae) {
  std::filesystem::create_directory(folder_ / "vae");
  vae_.write(folder_ / "vae");
  const Codec named = make_codec("wan:" + folder_.path().native(), {});
  EXPECT_EQ(named.fingerprint, codec().fingerprint);
  EXPECT_THAT(named.fingerprint, ::testing::StartsWith("wan "));
}

TEST_F(WanFolder, ComputesInFloat32WhereTheProcessorHasNoFloat16) {
  vae_.write(folder_.path());
  const Codec half = wan_codec(folder_.path(), {.dtype = at::kHalf});
  const std::vector<Image> video = random_video(1, 8, 8);
  EXPECT_EQ(half.encode(video).bytes, codec().encode(video).bytes);
}

TEST_F(WanFolder, WithoutATensorIsADataErrorThatNamesIt) {
  vae_.shapes.erase("decoder.up_blocks.1.upsamplers.0.time_conv.bias");
  const Error error = error_of_opening();
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("decoder.up_blocks.1.upsamplers.0.time_conv.bias"));
}

TEST_F(WanFolder, WithATensorOfAnotherShapeIsADataErrorThatNamesIt) {
  vae_.shapes["encoder.down_blocks.3.time_conv.weight"] = {4, 4, 1, 1, 3};
  const Error error = error_of_opening();
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("encoder.down_blocks.3.time_conv.weight"));
}

TEST_F(WanFolder, OfAnotherAutoencoderOrWithoutSenseIsADataErrorThatNamesKeyAndValue) {
  struct Case {
    const char* key;
    Json value;
  };
  for (const auto& [key, value] : {Case{"_class_name", "AutoencoderKL"},
                                   {"is_residual", true},
                                   {"patch_size", 2},
                                   {"in_channels", 12},
                                   {"out_channels", 12},
                                   {"scale_factor_spatial", 16},
                                   {"scale_factor_temporal", 8},
                                   {"attn_scales", {0.5}},
                                   {"base_dim", 3},
                                   {"base_dim", 1 << 20},
                                   {"base_dim", 0},
                                   {"decoder_base_dim", 7},
                                   {"z_dim", 1 << 20},
                                   {"z_dim", 4},
                                   {"num_res_blocks", 1000},
                                   {"dim_mult", {1, 1, 1}},
                                   {"dim_mult", {1, 1, 1, 1 << 20}},
                                   {"temperal_downsample", {false, false, true}},
                                   {"temperal_downsample", {true, true}},
                                   {"latents_mean", {0.0, 1.0}},
                                   {"latents_mean", {0.0, 1e300, 0.0}},
                                   {"latents_std", {1.0, 0.0, 1.0}}}) {
    vae_ = WanVaeFolder();
    vae_.config[key] = value;
    const Error error = error_of_opening();
    EXPECT_EQ(error.kind(), ExitCode::data) << key << value;
    // Channels and lengths are told by the measure they follow from.
    EXPECT_THAT(error.what(), ::testing::AnyOf(HasSubstr(key), HasSubstr("z_dim"))) << value;
  }
}

TEST_F(WanFolder, WithoutAKeyIsADataErrorThatNamesIt) {
  for (const char* const key : {"_class_name", "base_dim", "z_dim", "dim_mult", "latents_std"}) {
    vae_ = WanVaeFolder();
    vae_.config.erase(key);
    const Error error = error_of_opening();
    EXPECT_EQ(error.kind(), ExitCode::data) << key;
    EXPECT_THAT(error.what(), HasSubstr(key));
  }
}

}  // namespace
}  // namespace dfm::encoders
