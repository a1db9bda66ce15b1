// Sinusoids and position rows against the numbers of golden/derived.md (B7, B8) and the formula in float64.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/embedding.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using ::testing::HasSubstr;

void expect_near(const at::Tensor& ours, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(ours.numel(), static_cast<std::int64_t>(expected.size()));
  const at::Tensor flat = ours.flatten().to(at::kDouble);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(flat[static_cast<std::int64_t>(i)].item<double>(), expected[i], tolerance) << "element " << i;
  }
}

TEST(Sinusoid, OfTimeIsSineThenCosine) {
  expect_near(sinusoid(at::tensor({0.5F}), 8, 0),
              {0.479425539, 0.0499791693, 0.00499997917, 0.000499999979, 0.877582562, 0.99875026, 0.9999875,
               0.999999875},
              1e-7);
}

TEST(Sinusoid, OfFrameRatesEndsAtTheLongestPeriod) {
  expect_near(sinusoid(at::tensor({30.0F}), 8, 1),
              {-0.988031624, 0.984143131, 0.0645880501, 0.0029999955, 0.15425145, 0.177376146, 0.997912012,
               0.9999955},
              1e-6);
}

TEST(Sinusoid, GivesOneRowAValue) {
  const at::Tensor values = at::tensor({-1.5F, 0.0F, 2.0F});
  const at::Tensor rows = sinusoid(values, 384, 0);
  EXPECT_EQ(rows.sizes(), at::IntArrayRef({3, 384}));
  EXPECT_TRUE(at::equal(rows[2], sinusoid(at::tensor({2.0F}), 384, 0)[0]));
  EXPECT_TRUE(at::equal(rows[1], at::cat({at::zeros({192}), at::ones({192})})));
}

at::Tensor position(std::int64_t frame, std::int64_t row, std::int64_t column) {
  return at::tensor({frame, row, column}, at::kLong).unsqueeze(0);
}

TEST(PositionTable, RowHoldsFrameThenColumnThenRow) {
  const PositionTable table(34, 40, 40, 16);
  expect_near(table.rows_for(position(1, 2, 3)),
              {0.8414710, 0.0099998, 0.5403023, 0.9999500,                         // frame
               0.1411200, 0.1387981, 0.0064633, -0.9899925, 0.9903207, 0.9999791,  // column
               0.9092974, 0.0926985, 0.0043089, -0.4161468, 0.9956942, 0.9999907},
              1e-6);
}

// e(p; n) of spec/dfm.md section 1.4.
std::vector<double> axis(std::int64_t p, std::int64_t n) {
  std::vector<double> sines, cosines;
  for (std::int64_t i = 0; i < n / 2; ++i) {
    const double angle =
        static_cast<double>(p) * std::pow(10000.0, -static_cast<double>(i) / (static_cast<double>(n) / 2));
    sines.push_back(std::sin(angle));
    cosines.push_back(std::cos(angle));
  }
  sines.insert(sines.end(), cosines.begin(), cosines.end());
  return sines;
}

TEST(PositionTable, AgreesWithTheFormulaAtEveryCorner) {
  const PositionTable table(34, 40, 30, 48);
  for (const std::int64_t frame : {0, 33}) {
    for (const std::int64_t row : {0, 39}) {
      for (const std::int64_t column : {0, 29}) {
        std::vector<double> expected = axis(frame, 12);
        for (const double x : axis(column, 18)) expected.push_back(x);
        for (const double x : axis(row, 18)) expected.push_back(x);
        expect_near(table.rows_for(position(frame, row, column)), expected, 1e-7);
      }
    }
  }
}

void expect_refused(const PositionTable& table, const at::Tensor& positions, const char* message,
                    const char* hint) {
  try {
    table.rows_for(positions);
    FAIL() << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr(message));
    EXPECT_THAT(error.hint(), HasSubstr(hint));
  }
}

TEST(PositionTable, RefusesPositionsOutsideAndNamesTheKey) {
  const PositionTable table(34, 40, 30, 16);
  expect_refused(table, position(34, 0, 0), "frame position 34 is outside the position table of 34",
                 "model.max_frames");
  expect_refused(table, position(0, 40, 0), "row position 40", "model.max_img_h");
  expect_refused(table, position(0, 0, 30), "column position 30", "model.max_img_w");
  expect_refused(table, at::cat({position(0, 0, 0), position(1, 2, 1000)}), "column position 1000",
                 "model.max_img_w");
}

TEST(PositionTable, RefusesNegativePositionsAndNamesThem) {
  expect_refused(PositionTable(4, 4, 4, 16), position(0, -1, 0), "row position -1", "");
}

}  // namespace
}  // namespace dfm::nn
