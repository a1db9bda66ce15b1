#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "report/html_report.h"
#include "support/temporary_folder.h"
#include "unit/report/small_png.h"

namespace dfm::report {
namespace {

using dfm::testing::TemporaryFolder;

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kSmallPngUrl = "data:image/png;base64,iVBORw0KGgo";

MetricsHistory history_of(std::int64_t steps) {
  MetricsHistory history;
  for (std::int64_t step = 1; step <= steps; ++step) {
    history.train.push_back({.iteration = step,
                             .consumed_samples = 4 * step,
                             .learning_rate = 1e-4,
                             .loss = 1.0 / static_cast<double>(step),
                             .grad_norm = 1,
                             .tokens = 1000,
                             .step_seconds = 0.5});
  }
  return history;
}

TEST(HtmlReport, IsAWholePageWithoutMetrics) {
  const std::string page = render_report({.title = "Nothing"});
  EXPECT_THAT(page, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, EndsWith("</html>\n"));
  EXPECT_THAT(page, HasSubstr("Nothing recorded yet."));
}

TEST(HtmlReport, HoldsFiguresOfTheRun) {
  MetricsHistory history = history_of(100);
  history.validation = {{50, 0.25, {}}, {100, 0.5, {}}};
  const std::string page = render_report({.title = "Run", .metrics = history});
  EXPECT_THAT(page, HasSubstr("<p class=\"figure\">100</p><p>400 samples</p>"));
  EXPECT_THAT(page, HasSubstr("<p class=\"figure\">0.5</p><p>best 0.25 at step 50</p>"));
  EXPECT_THAT(page, HasSubstr("<p class=\"figure\">2000</p><p>500 ms a step (medians)</p>"));
}

TEST(HtmlReport, SaysHowManyLossesAreMissing) {
  MetricsHistory history = history_of(100);
  history.train[7].loss = std::numeric_limits<double>::quiet_NaN();
  const std::string page = render_report({.title = "Run", .metrics = history});
  EXPECT_THAT(page, HasSubstr("Not drawn, as not finite: 1 of 100 values."));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(HtmlReport, ShowsLossesBySigmaWhereTheyAreKnown) {
  MetricsHistory history = history_of(10);
  EXPECT_THAT(render_report({.metrics = history}), Not(HasSubstr("σ")));
  history.validation = {{10, 0.5, {{0.3, 0.25}}}};
  EXPECT_THAT(render_report({.metrics = history}), HasSubstr("<title>σ 0.3, step 10: 0.25</title>"));
}

TEST(HtmlReport, HoldsItsImages) {
  const std::string page = render_report({.title = "Run", .samples = {{"a cat", PngBytes{small_png()}}}});
  EXPECT_THAT(page, HasSubstr(kSmallPngUrl));
  EXPECT_THAT(page, HasSubstr("width=\"2\" height=\"1\" alt=\"a cat\""));
}

TEST(HtmlReport, ShowsTheNewestValidationImagesFirst) {
  const std::string page =
      render_report({.validation_pictures = {{.step = 100, .pictures = {{"a", PngBytes{small_png()}}}},
                                             {.step = 200, .pictures = {{"b", PngBytes{small_png()}}}}}});
  EXPECT_LT(page.find("Step 200"), page.find("Step 100"));
}

TEST(HtmlReport, EscapesCaptions) {
  const std::string page =
      render_report({.samples = {{"\"><script>alert(1)</script>", PngBytes{small_png()}}}});
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("&quot;&gt;&lt;script&gt;"));
}

TEST(HtmlReport, SurvivesExtremeNumbers) {
  const double infinity = std::numeric_limits<double>::infinity();
  MetricsHistory history;
  for (const std::int64_t step :
       {std::numeric_limits<std::int64_t>::max(), std::int64_t{-5}, std::int64_t{0}}) {
    for (const double value : {0.0, -1e308, 1e308, 5e-324, infinity}) {
      history.train.push_back({step, step, value, value, value, step, value});
      history.validation.push_back({step, value, {{value, value}}});
    }
  }
  EXPECT_THAT(render_report({.metrics = history}), EndsWith("</html>\n"));
}

TEST(HtmlReport, StaysSmallForTenThousandSteps) {
  const TemporaryFolder folder;
  write_report(folder / "report.html", {.title = "Run", .metrics = history_of(10000)});
  EXPECT_LT(std::filesystem::file_size(folder / "report.html"), 300'000U);
}

TEST(HtmlReport, NamesAFileItCannotWrite) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_report(folder / "missing/report.html", {}), Error);
}

}  // namespace
}  // namespace dfm::report
