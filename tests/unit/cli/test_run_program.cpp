// The frame that all programs share. Each run has a process of its own: MPI can be started once only.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "cli/run_program.h"
#include "config/keys.h"
#include "core/file.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "support/child_process.h"

namespace dfm::cli {
namespace {

using ::testing::AllOf;
using testing::ChildResult;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

Program program() {
  return {.name = "dfm_test",
          .summary = "Does nothing.",
          .positionals = {},
          .options = {{"num-steps", "sample.num_steps"}},
          .sections = {"sample"},
          .examples = ""};
}

struct ProgramRun : ChildResult {
  std::string standard_output;
};

ProgramRun run(std::vector<std::string> words, const Body& body) {
  const TemporaryFolder folder;
  const std::string output_file = folder / "stdout";
  words.insert(words.begin(), "dfm_test");
  ProgramRun result;
  static_cast<ChildResult&>(result) = testing::run_in_child([&] {
    if (std::freopen(output_file.c_str(), "w", stdout) == nullptr) return 98;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int code = run_program(program(), static_cast<int>(words.size()), arguments.data(), body);
    std::fflush(stdout);
    return code;
  });
  result.standard_output = testing::file_content(output_file);
  return result;
}

ExitCode do_nothing(const Config&, const Context&) { return ExitCode::done; }

TEST(RunProgram, LeavesWithTheCodeOfItsBody) {
  for (const ExitCode code : {ExitCode::done, ExitCode::partial, ExitCode::stopped}) {
    EXPECT_EQ(run({}, [&](const Config&, const Context&) { return code; }).exit_code, static_cast<int>(code));
  }
}

TEST(RunProgram, AnErrorIsPrintedWithItsHintAndItsKindIsTheExitCode) {
  const ProgramRun result =
      run({}, [](const Config&, const Context&) -> ExitCode { throw data_error("bad picture", "mend it"); });
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.standard_error, AllOf(HasSubstr("error: bad picture"), HasSubstr("hint: mend it")));
}

TEST(RunProgram, AForeignExceptionIsAnInternalError) {
  const ProgramRun result =
      run({}, [](const Config&, const Context&) -> ExitCode { throw std::runtime_error("one\ntwo"); });
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, AllOf(HasSubstr("error: one"), ::testing::Not(HasSubstr("two"))));
}

TEST(RunProgram, BadOptionsAndValuesAreUsageErrors) {
  EXPECT_EQ(run({"--no-such"}, do_nothing).exit_code, 2);
  EXPECT_EQ(run({"--num-steps", "many"}, do_nothing).exit_code, 2);
  EXPECT_EQ(run({"--log-level", "loud"}, do_nothing).exit_code, 2);
  EXPECT_EQ(run({"--progress", "loud"}, do_nothing).exit_code, 2);
  EXPECT_EQ(run({"--recipe", "no_such"}, do_nothing).exit_code, 2);
  EXPECT_EQ(run({"--config-file", "/nowhere.ini"}, do_nothing).exit_code, 2);
}

TEST(RunProgram, HelpAndVersionGoToStandardOutputWithoutRunningTheBody) {
  const auto fail = [](const Config&, const Context&) -> ExitCode { throw internal_error("was run"); };
  const ProgramRun help = run({"--help"}, fail), version = run({"--version"}, fail);
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.standard_output, help_text(program(), all_keys()));
  EXPECT_THAT(help.standard_error, IsEmpty());
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.standard_output, ::testing::MatchesRegex("dfm_test [0-9.]+\n"));
}

TEST(RunProgram, RecipeFileAndWordsApplyInThisOrder) {
  const TemporaryFolder folder;
  testing::write_file(folder / "low.ini", "[sample]\nnum_steps = 2\nfps = 2\nseed = 2\n");
  testing::write_file(folder / "middle.yaml", "sample:\n  num_steps: 3\n  fps: 3\n");
  const ProgramRun result =
      run({"--recipe", folder / "low.ini", "--config-file", folder / "middle.yaml", "--num-steps", "4"},
          [](const Config& config, const Context&) {
            log::error("{} {} {}", config.integer("sample.num_steps"), config.integer("sample.fps"),
                       config.integer("sample.seed"));
            return ExitCode::done;
          });
  EXPECT_THAT(result.standard_error, HasSubstr("error: 4 3 2"));
}

TEST(RunProgram, PrintsTheConfigurationWithOriginsInsteadOfRunning) {
  const ProgramRun result =
      run({"--print-config", "sample.seed=5"},
          [](const Config&, const Context&) -> ExitCode { throw internal_error("was run"); });
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.standard_output, ::testing::ContainsRegex("seed = 5 +; command line"));
}

TEST(RunProgram, PrintsTheMapOfRanksInsteadOfRunning) {
  const ProgramRun result =
      run({"--topology"}, [](const Config&, const Context&) -> ExitCode { throw internal_error("was run"); });
  EXPECT_THAT(result.standard_output,
              AllOf(::testing::StartsWith("node 0 ("), ::testing::EndsWith("ranks 0\n")));
}

TEST(RunProgram, TheLogLevelSilencesTheProgram) {
  const ProgramRun result = run({"--log-level", "off"}, [](const Config&, const Context&) -> ExitCode {
    log::info("hello");
    throw data_error("bad");
  });
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.standard_error, IsEmpty());
}

TEST(RunProgram, ASignalSetsTheStopToken) {
  const ProgramRun result = run({}, [](const Config&, const Context&) {
    std::raise(SIGTERM);
    return StopToken::requested() ? ExitCode::stopped : ExitCode::done;
  });
  EXPECT_EQ(result.exit_code, 75);
}

TEST(RunProgram, AFileThatGrowsPastTheLimitIsAStorageError) {
  const TemporaryFolder folder;
  const ProgramRun result = run({}, [&](const Config&, const Context&) {
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    write_durably(folder / "file", std::string(10'000, 'x'));
    return ExitCode::done;
  });
  EXPECT_EQ(result.exit_code, 4) << "signal " << result.signal_number;
  EXPECT_THAT(result.standard_error, HasSubstr("ulimit -f"));
}

TEST(RunProgram, ALonelyTaskOfSeveralIsRefused) {
  ::setenv("SLURM_NTASKS", "4", 1);
  const ProgramRun result = run({}, do_nothing);
  ::unsetenv("SLURM_NTASKS");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.standard_error, HasSubstr("SLURM_NTASKS"));
}

}  // namespace
}  // namespace dfm::cli
