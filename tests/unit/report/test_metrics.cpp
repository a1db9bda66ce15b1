#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "core/file.h"
#include "report/metrics.h"
#include "support/temporary_folder.h"

namespace dfm::report {
namespace {

using dfm::testing::TemporaryFolder;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TrainRecord train_record() {
  return {.iteration = 10,
          .consumed_samples = 320,
          .learning_rate = 1e-4,
          .loss = 0.42,
          .grad_norm = 1.5,
          .tokens = 8192,
          .pack_fill = 0.5,
          .step_seconds = 0.25};
}

double loss_after_round_trip(double loss) {
  const auto record = parse_json_line(to_json_line(TrainRecord{.loss = loss}));
  return std::get<TrainRecord>(record.value()).loss;
}

TEST(Metrics, WriteATrainingStepWithItsTimeLast) {
  EXPECT_EQ(
      to_json_line(train_record()),
      R"({"kind":"train","iteration":10,"consumed_samples":320,"lr":0.0001,"loss":0.42,"grad_norm":1.5,)"
      R"("tokens":8192,"pack_fill":0.5,"step_seconds":0.25})");
}

TEST(Metrics, WriteAValidationWithItsLossesBySigma) {
  EXPECT_EQ(to_json_line(ValidationRecord{10, 0.5, {{2, 0.9}, {0.3, 0.1}}}),
            R"({"kind":"validation","iteration":10,"loss":0.5,"losses_by_sigma":{"0.3":0.1,"2.0":0.9}})");
}

TEST(Metrics, ReadBackWhatTheyWrote) {
  const ValidationRecord validation{10, 0.5, {{2, 0.9}, {0.3, 0.1}}, {"a \"red\" cat", "ein Bär"}};
  EXPECT_EQ(std::get<TrainRecord>(parse_json_line(to_json_line(train_record())).value()), train_record());
  EXPECT_EQ(std::get<ValidationRecord>(parse_json_line(to_json_line(validation)).value()), validation);
}

TEST(Metrics, ReadBackTheSameBitsOfAnyDouble) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random();
    const auto value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(loss_after_round_trip(value)), bits) << value;
  }
}

TEST(Metrics, ReadBackTheSameBitsOfAnyFloat) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(loss_after_round_trip(value))),
              std::bit_cast<std::uint32_t>(value));
  }
}

TEST(Metrics, ReadBackTheExtremesOfADouble) {
  for (const double value :
       {0.0, -0.0, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(),
        std::numeric_limits<double>::min(), 9007199254740993.0, 1e16}) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(loss_after_round_trip(value)),
              std::bit_cast<std::uint64_t>(value));
  }
}

TEST(Metrics, WriteWhatIsNotFiniteAsNull) {
  EXPECT_TRUE(std::isnan(loss_after_round_trip(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(loss_after_round_trip(kInfinity)));
}

TEST(Metrics, RefuseLinesThatAreNoRecords) {
  for (const char* line :
       {"", "{", "[]", "null", "{\"kind\":\"train\"}", "{\"kind\":\"other\",\"iteration\":1}",
        R"({"kind":"validation","iteration":1e300,"loss":0.5,"losses_by_sigma":{}})",
        R"({"kind":"validation","iteration":1,"loss":"low","losses_by_sigma":{}})",
        R"({"kind":"validation","iteration":1,"loss":0.5,"losses_by_sigma":{"high":1}})"}) {
    EXPECT_FALSE(parse_json_line(line).has_value()) << line;
  }
  EXPECT_FALSE(parse_json_line(std::string(100000, '[')).has_value());
}

TEST(Metrics, ReadAFileWithoutItsTornLastLine) {
  const TemporaryFolder folder;
  const std::string line = to_json_line(train_record());
  write_durably(folder / "metrics.jsonl",
                line + "\n" + to_json_line(ValidationRecord{10, 0.5, {}}) + "\n" + line.substr(0, 20));
  const MetricsHistory history = read_metrics(folder / "metrics.jsonl");
  EXPECT_EQ(history.train, std::vector{train_record()});
  EXPECT_EQ(history.validation.size(), 1);
}

TEST(Metrics, ReadAFileAroundLinesThatAreNoRecords) {
  const TemporaryFolder folder;
  const std::string line = to_json_line(train_record()) + "\n";
  write_durably(folder / "metrics.jsonl", line + std::string(10, '\0') + "\n\n" + line);
  EXPECT_EQ(read_metrics(folder / "metrics.jsonl").train.size(), 2);
}

}  // namespace
}  // namespace dfm::report
