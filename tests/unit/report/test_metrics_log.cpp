#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "report/metrics_log.h"
#include "support/temporary_folder.h"

namespace dfm::report {
namespace {

using dfm::testing::TemporaryFolder;

std::string train_line(std::int64_t step) { return to_json_line(TrainRecord{.iteration = step}) + "\n"; }
std::string validation_line(std::int64_t step) {
  return to_json_line(ValidationRecord{.iteration = step}) + "\n";
}

std::string lines_up_to(std::int64_t last_step) {
  std::string text;
  for (std::int64_t step = 1; step <= last_step; ++step) text += train_line(step);
  return text;
}

class MetricsLogTest : public ::testing::Test {
 protected:
  // What the file holds after it was continued at a step.
  std::string text_after_resume(const std::string& text, std::int64_t step) {
    write_durably(path_, text);
    { const MetricsLog log(path_, step); }
    return read_text(path_);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "metrics.jsonl";
};

TEST_F(MetricsLogTest, StartsAFileThatIsNotThere) {
  MetricsLog log(path_, 0);
  EXPECT_EQ(read_text(path_), "");
}

TEST_F(MetricsLogTest, ShowsEachLineAtOnce) {
  MetricsLog log(path_, 0);
  log.append(TrainRecord{.iteration = 1});
  EXPECT_EQ(read_text(path_), train_line(1));
  log.append(ValidationRecord{.iteration = 1});
  EXPECT_EQ(read_text(path_), train_line(1) + validation_line(1));
}

TEST_F(MetricsLogTest, CutsOffLaterStepsOnResume) {
  EXPECT_EQ(text_after_resume(lines_up_to(8), 5), lines_up_to(5));
}

TEST_F(MetricsLogTest, KeepsTheValidationOfTheStepItResumesAfter) {
  EXPECT_EQ(text_after_resume(lines_up_to(5) + validation_line(5) + train_line(6), 5),
            lines_up_to(5) + validation_line(5));
}

TEST_F(MetricsLogTest, CutsOffATornLastLine) {
  EXPECT_EQ(text_after_resume(lines_up_to(5) + R"({"kind":"train","iter)", 5), lines_up_to(5));
  EXPECT_EQ(text_after_resume(lines_up_to(5) + std::string(7, '\0'), 9), lines_up_to(5));
}

TEST_F(MetricsLogTest, KeepsEverythingWhenNothingIsLater) {
  EXPECT_EQ(text_after_resume(lines_up_to(5), 5), lines_up_to(5));
}

TEST_F(MetricsLogTest, KeepsForeignLinesByteForByte) {
  const std::string text = "# a note\n" + train_line(1) + "{\"kind\": \"other\"}\r\n" + train_line(2);
  EXPECT_EQ(text_after_resume(text, 2), text);
}

TEST_F(MetricsLogTest, KeepsNothingBeforeTheFirstStep) {
  EXPECT_EQ(text_after_resume(validation_line(0) + lines_up_to(3), -1), "");
  EXPECT_EQ(text_after_resume(validation_line(0) + lines_up_to(3), 0), validation_line(0));
}

TEST_F(MetricsLogTest, ContinuesAfterTheCut) {
  write_durably(path_, lines_up_to(8) + "{");
  MetricsLog log(path_, 5);
  log.append(TrainRecord{.iteration = 6});
  EXPECT_EQ(read_text(path_), lines_up_to(6));
}

TEST_F(MetricsLogTest, NamesAFileItCannotOpen) {
  try {
    const MetricsLog log(folder_ / "missing/metrics.jsonl", 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
    EXPECT_NE(std::string(error.what()).find("missing/metrics.jsonl"), std::string::npos);
  }
}

TEST_F(MetricsLogTest, SaysThatTheDiskIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  std::filesystem::create_symlink("/dev/full", path_);
  MetricsLog log(path_, 0);
  EXPECT_THROW(log.append(TrainRecord{.iteration = 1}), Error);
}

}  // namespace
}  // namespace dfm::report
