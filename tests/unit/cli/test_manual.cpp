// The manual page and the completion: they hold what the help holds.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/common_options.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "config/keys.h"
#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"

namespace dfm::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Program program() {
  return {.name = "dfm_test",
          .summary = ".hidden - back\\slash.",
          .positionals = {{"SRC", "prepare.source"}},
          .options = {{"num-steps", "sample.num_steps"}, {"mock", "dataset.mock"}},
          .sections = {"sample", "dataset"},
          .examples = "  dfm_test a\n.b\n"};
}

std::string with_hyphens_escaped(std::string text) {
  for (std::size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

TEST(ManualPage, HoldsEveryOptionArgumentAndKey) {
  const std::string page = man_page(program(), all_keys());
  EXPECT_THAT(page, AllOf(HasSubstr("\\fISRC\\fR"), HasSubstr("\\fB\\-\\-num\\-steps\\fR \\fIVALUE\\fR"),
                          HasSubstr("\\fB\\-\\-mock\\fR\n")));
  for (const CommonOption& option : common_options()) {
    EXPECT_THAT(page, HasSubstr("\\fB" + with_hyphens_escaped("--" + option.name)));
  }
  for (const Key& key : keys_of(program(), all_keys())) {
    EXPECT_THAT(page, HasSubstr("\\fB" + key.name + "\\fR = \\fI" +
                                with_hyphens_escaped(format_value(key.default_value)) + "\\fR"));
  }
  EXPECT_THAT(page,
              AllOf(HasSubstr(".SS [sample]\n"), HasSubstr(".SS [dataset]\n"), Not(HasSubstr("[train]"))));
}

TEST(ManualPage, HoldsEveryExitStatus) {
  const std::string page = man_page(program(), all_keys());
  for (const ExitCode code :
       {ExitCode::done, ExitCode::internal, ExitCode::usage, ExitCode::data, ExitCode::storage,
        ExitCode::no_checkpoint, ExitCode::hang, ExitCode::partial, ExitCode::stopped}) {
    EXPECT_THAT(page, HasSubstr("\\fB" + std::to_string(static_cast<int>(code)) + "\\fR\n" +
                                std::string(describe(code))));
  }
}

TEST(ManualPage, TextIsNeverTakenForARequestOrAnEscape) {
  const std::string page = man_page(program(), all_keys());
  EXPECT_THAT(page, AllOf(HasSubstr("\n\\&.hidden \\- back\\eslash.\n"), HasSubstr("\n\\&.b\n")));
}

TEST(Completion, KnowsEveryOptionAndKeyAndWhatTheyTake) {
  const std::string script = bash_completion(program(), all_keys());
  EXPECT_THAT(script, AllOf(HasSubstr("--num-steps --mock --help"), HasSubstr("[--num-steps]=''"),
                            HasSubstr("[dataset.mock]='true false'"), HasSubstr("[dataset.path]='@files'"),
                            HasSubstr("sections='dataset. sample.'"), Not(HasSubstr("[--mock]"))));
  for (const Key& key : keys_of(program(), all_keys())) EXPECT_THAT(script, HasSubstr(key.name + "= "));
}

std::vector<std::string> choices_of(const std::string& name) {
  const auto& table = common_options();
  return std::ranges::find(table, name, &CommonOption::name)->choices;
}

TEST(CommonOptions, OfferOnlyWhatTheProgramsAccept) {
  for (const std::string& level : choices_of("log-level")) EXPECT_NO_THROW(log::parse_level(level));
  for (const std::string& style : choices_of("progress")) EXPECT_NO_THROW(parse_progress(style));
  EXPECT_THAT(choices_of("log-level"), ::testing::SizeIs(5));
  EXPECT_THAT(choices_of("progress"), ::testing::SizeIs(4));
}

TEST(CommonOptions, ThoseForPackagingAreInNoList) {
  const std::string help = help_text(program(), all_keys());
  const std::string completion = bash_completion(program(), all_keys());
  for (const CommonOption& option : hidden_options()) {
    EXPECT_THAT(help, Not(HasSubstr("--" + option.name)));
    EXPECT_THAT(completion, Not(HasSubstr("--" + option.name + " --")));
  }
}

}  // namespace
}  // namespace dfm::cli
