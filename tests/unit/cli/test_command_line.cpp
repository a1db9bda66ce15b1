#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"
#include "config/keys.h"
#include "support/errors.h"

namespace dfm::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

// Options of every type, and arguments, like those of the programs.
Program program() {
  return {.name = "dfm_test",
          .summary = "Does nothing.",
          .positionals = {{"SRC", "prepare.source"}, {"DST", "prepare.output"}},
          .options = {{"prompt", "sample.prompts"},
                      {"prompts", "sample.prompts"},
                      {"num-steps", "sample.num_steps"},
                      {"sample-steps", "sample.num_steps"},
                      {"guidance", "sample.guidance"},
                      {"output-dir", "prepare.output"},
                      {"mock", "dataset.mock"}},
          .sections = {"sample", "prepare"},
          .examples = "  dfm_test a b --num-steps 3\n"};
}

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "dfm_test");
  return parse_command_line(program(), all_keys(), static_cast<int>(words.size()), words.data());
}

// The configuration after these words.
Config configured(const std::vector<const char*>& words) {
  Config config(all_keys());
  config.apply(parse(words).assignments);
  return config;
}

Error refusal(const std::vector<const char*>& words) {
  const Error error = error_of([&] { parse(words); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  return error;
}

TEST(CommandLine, WithoutWordsNothingIsSet) {
  const CommandLine line = parse({});
  EXPECT_TRUE(line.assignments.empty());
  EXPECT_FALSE(line.help || line.version || line.print_config || line.topology);
  EXPECT_EQ(line.log_level, "info");
  EXPECT_EQ(line.progress, "auto");
}

TEST(CommandLine, OptionsSetTheirKeyAndAreItsOrigin) {
  const Config config = configured({"--num-steps", "7", "--guidance=2.5"});
  EXPECT_EQ(config.integer("sample.num_steps"), 7);
  EXPECT_EQ(config.origin("sample.num_steps"), "--num-steps");
  EXPECT_EQ(config.real("sample.guidance"), 2.5);
}

TEST(CommandLine, HyphensAndUnderscoresAreTheSameInOptionNames) {
  EXPECT_EQ(configured({"--num_steps", "7"}).integer("sample.num_steps"), 7);
  EXPECT_EQ(configured({"--num_steps=8"}).integer("sample.num_steps"), 8);
  EXPECT_EQ(configured({"--output_dir=a_b-c"}).text("prepare.output"), "a_b-c");
  EXPECT_EQ(parse({"--log_level", "debug"}).log_level, "debug");
}

TEST(CommandLine, AValueKeepsItsUnderscores) {
  EXPECT_EQ(configured({"--output-dir", "--my_folder"}).text("prepare.output"), "--my_folder");
}

TEST(CommandLine, CommonOptionsAreKnownToEveryProgram) {
  const CommandLine line = parse({"--recipe", "dit_s", "--config-file", "my.ini", "--print-config",
                                  "--topology", "--log-level", "off", "--progress", "bar"});
  EXPECT_EQ(line.recipe, "dit_s");
  EXPECT_EQ(line.config_file, "my.ini");
  EXPECT_TRUE(line.print_config && line.topology);
  EXPECT_EQ(line.log_level, "off");
  EXPECT_EQ(line.progress, "bar");
  EXPECT_TRUE(parse({"-h"}).help && parse({"--help"}).help);
  EXPECT_TRUE(parse({"--version"}).version);
}

TEST(CommandLine, ArgumentsSetTheirKeysInOrder) {
  const Config config = configured({"from", "--num-steps", "3", "to"});
  EXPECT_EQ(config.text("prepare.source"), "from");
  EXPECT_EQ(config.text("prepare.output"), "to");
  EXPECT_EQ(config.origin("prepare.source"), "SRC");
}

TEST(CommandLine, AssignmentsMayStandAnywhere) {
  const Config config = configured({"sample.seed=5", "from", "sample.fps=12", "--mock", "to", "rng.seed=6"});
  EXPECT_EQ(config.integer("sample.seed"), 5);
  EXPECT_EQ(config.integer("sample.fps"), 12);
  EXPECT_EQ(config.integer("rng.seed"), 6);
  EXPECT_EQ(config.text("prepare.output"), "to");
}

TEST(CommandLine, AnAssignmentOverridesAnOption) {
  EXPECT_EQ(configured({"sample.num_steps=9", "--num-steps", "7"}).integer("sample.num_steps"), 9);
}

TEST(CommandLine, OneArgumentTooManyIsNamed) {
  const Error error = refusal({"from", "to", "beyond"});
  EXPECT_THAT(error.what(), HasSubstr("'beyond' is one argument too many"));
  EXPECT_THAT(error.hint(), HasSubstr("section.key=value"));
}

TEST(CommandLine, AfterTwoHyphensWordsAreArguments) {
  EXPECT_EQ(configured({"--", "--from", "to"}).text("prepare.source"), "--from");
}

TEST(CommandLine, AnOptionWithoutItsValueIsRefused) {
  EXPECT_THAT(refusal({"--num-steps"}).what(), HasSubstr("num-steps"));
  EXPECT_THAT(refusal({"--output-dir", "--mock"}).what(),
              HasSubstr("--output-dir needs a value, but --mock follows"));
  EXPECT_EQ(configured({"--output-dir=--mock"}).text("prepare.output"), "--mock");
}

TEST(CommandLine, AbbreviationsAreRefused) {
  EXPECT_THAT(refusal({"--num-step", "3"}).what(), HasSubstr("--num-step"));
  EXPECT_THAT(refusal({"--promp", "x"}).what(), HasSubstr("--promp"));
}

TEST(CommandLine, UnknownOptionsAreRefusedWithAHint) {
  EXPECT_THAT(refusal({"--no_such"}).what(), HasSubstr("--no_such"));
  EXPECT_THAT(refusal({"-x"}).what(), HasSubstr("-x"));
  EXPECT_THAT(refusal({"--words", "x"}).what(), HasSubstr("words"));
  EXPECT_THAT(refusal({"--no-such"}).hint(), HasSubstr("dfm_test --help"));
}

TEST(CommandLine, AFlagTakesNoValue) {
  EXPECT_TRUE(configured({"--mock"}).flag("dataset.mock"));
  EXPECT_TRUE(configured({"--mock", "--mock"}).flag("dataset.mock"));
  EXPECT_EQ(configured({"--mock", "from"}).text("prepare.source"), "from");
  refusal({"--mock=false"});
}

TEST(CommandLine, NegativeNumbersAreValues) {
  EXPECT_EQ(parse({"--guidance", "-1.5"}).assignments.at(0).text, "-1.5");
  EXPECT_EQ(parse({"--guidance=-1"}).assignments.at(0).text, "-1");
  EXPECT_EQ(configured({"checkpoint.most_recent_k=-1"}).integer("checkpoint.most_recent_k"), -1);
}

TEST(CommandLine, ARepeatedNumberTakesTheLast) {
  EXPECT_EQ(configured({"--num-steps", "3", "--num-steps", "4"}).integer("sample.num_steps"), 4);
}

TEST(CommandLine, ARepeatedListOptionGathersItsValues) {
  EXPECT_THAT(configured({"--prompt", "a cat", "--prompt", "a dog, running"}).texts("sample.prompts"),
              ElementsAre("a cat", "a dog, running"));
}

TEST(CommandLine, AListOptionMayHoldAnArray) {
  EXPECT_THAT(configured({"--prompts", R"(["a cat", "a dog"])"}).texts("sample.prompts"),
              ElementsAre("a cat", "a dog"));
}

TEST(CommandLine, APromptIsTakenLiterally) {
  for (const char* const prompt :
       {"a=b", "x.y=z", "[cinematic] a cat", "-5 degrees", "a\nb", " a ", "", "null", "café"}) {
    EXPECT_THAT(configured({"--prompt", prompt}).texts("sample.prompts"), ElementsAre(prompt));
  }
  EXPECT_THAT(configured({"--prompt=--x_y"}).texts("sample.prompts"), ElementsAre("--x_y"));
}

TEST(CommandLine, APromptThatIsNotUtf8IsAUsageError) {
  EXPECT_THAT(refusal({"--prompt", "caf\xe9"}).what(), HasSubstr("UTF-8"));
}

TEST(CommandLine, TwoOptionsForOneKeyMustAgree) {
  EXPECT_EQ(configured({"--num-steps", "7", "--sample-steps", "7"}).integer("sample.num_steps"), 7);
  EXPECT_THAT(refusal({"--num-steps", "7", "--sample-steps", "8"}).what(),
              AllOf(HasSubstr("--num-steps = '7'"), HasSubstr("--sample-steps = '8'")));
  refusal({"--prompt", "a", "--prompts", "b"});
}

TEST(CommandLine, AnOptionAndAnArgumentForOneKeyMustAgree) {
  EXPECT_THAT(refusal({"from", "to", "--output-dir", "elsewhere"}).what(),
              AllOf(HasSubstr("DST"), HasSubstr("elsewhere")));
}

TEST(Help, HoldsEveryOptionArgumentKeyAndExample) {
  const std::string help = help_text(program(), all_keys());
  for (const Option& option : program().options) {
    EXPECT_THAT(help, AllOf(HasSubstr("--" + option.name), HasSubstr("(" + option.key + ")")));
  }
  for (const char* const name :
       {"recipe", "config-file", "print-config", "topology", "log-level", "progress", "version", "help"}) {
    EXPECT_THAT(help, HasSubstr(std::string("--") + name));
  }
  EXPECT_THAT(help, AllOf(HasSubstr("Usage: dfm_test SRC DST [options]"), HasSubstr(program().examples),
                          HasSubstr(program().summary)));
  for (const Key& key : all_keys().keys) {
    if (!key.name.starts_with("sample.") && !key.name.starts_with("prepare.")) continue;
    EXPECT_THAT(help,
                AllOf(HasSubstr(key.name + " = " + format_value(key.default_value)), HasSubstr(key.help)));
  }
}

TEST(Help, LeavesOutKeysOfOtherPrograms) {
  EXPECT_THAT(help_text(program(), all_keys()), ::testing::Not(HasSubstr("optimizer.lr")));
}

}  // namespace
}  // namespace dfm::cli
