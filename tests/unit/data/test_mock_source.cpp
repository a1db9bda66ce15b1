// Made-up samples.
#include <cmath>

#include <gtest/gtest.h>

#include "data/loader/sample.h"

namespace dfm::data {
namespace {

const MockShape kMock{.samples = 20, .latent = {16, 1, 4, 6}, .text_rows = 3, .text_width = 8};

TEST(MockSource, GivesSamplesOfOneShape) {
  const SampleSource source = mock_source(kMock, 1);
  EXPECT_EQ(source.count(), 20);
  EXPECT_EQ(source.text_width, 8);
  EXPECT_EQ(source.shape(3), (SampleShape{16, 1, 4, 6, 3}));
  EXPECT_EQ(latent_shape(source.shape(3)), (Shape{16, 1, 4, 6}));
  const Sample sample = source.read(3).value();
  EXPECT_EQ(sample.latent.shape, (Shape{16, 1, 4, 6}));
  EXPECT_EQ(sample.text.shape, (Shape{3, 8}));
  EXPECT_EQ(sample.key, "mock_000003");
}

TEST(MockSource, IsAFunctionOfSeedAndNumber) {
  const SampleSource source = mock_source(kMock, 1);
  EXPECT_EQ(source.read(3)->latent.bytes, mock_source(kMock, 1).read(3)->latent.bytes);
  EXPECT_NE(source.read(3)->latent.bytes, source.read(4)->latent.bytes);
  EXPECT_NE(source.read(3)->latent.bytes, mock_source(kMock, 2).read(3)->latent.bytes);
}

TEST(MockSource, GivesStandardNormalNumbers) {
  const SampleSource source =
      mock_source({.samples = 1, .latent = {16, 1, 64, 64}, .text_rows = 8, .text_width = 64}, 5);
  const Sample sample = source.read(0).value();
  for (const auto& values : {to_floats(sample.latent), to_floats(sample.text)}) {
    double sum = 0, squares = 0;
    for (const float x : values) {
      sum += x;
      squares += x * x;
    }
    const auto n = static_cast<double>(values.size());
    EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
    EXPECT_NEAR(squares / n, 1, 8 / std::sqrt(n));
  }
}

TEST(MockSource, HasAFingerprintThatNamesWhatItMakes) {
  MockShape other = kMock;
  other.latent[3] = 8;
  EXPECT_EQ(mock_source(kMock, 1).fingerprint, mock_source(kMock, 1).fingerprint);
  EXPECT_NE(mock_source(kMock, 1).fingerprint, mock_source(kMock, 2).fingerprint);
  EXPECT_NE(mock_source(kMock, 1).fingerprint, mock_source(other, 1).fingerprint);
}

}  // namespace
}  // namespace dfm::data
