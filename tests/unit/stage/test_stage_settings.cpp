#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "core/error.h"
#include "stage/stage_settings.h"
#include "support/temporary_folder.h"

namespace dfm::stage {
namespace {

using ::testing::HasSubstr;

class Scratch : public ::testing::Test {
 protected:
  Scratch() { clear(); }
  ~Scratch() override { clear(); }
  static void clear() {
    for (const char* const name : {"DFM_SCRATCH", "DFM_TEST_FIRST", "DFM_TEST_SECOND"}) ::unsetenv(name);
  }
  static void set(const char* name, const std::filesystem::path& value) { ::setenv(name, value.c_str(), 1); }
  static StageSettings settings() {
    StageSettings settings;
    settings.scratch_variables = {"DFM_TEST_FIRST", "DFM_TEST_SECOND"};
    return settings;
  }
  const dfm::testing::TemporaryFolder a_, b_;
};

TEST_F(Scratch, IsTheOptionBeforeAllElse) {
  set("DFM_SCRATCH", a_.path());
  StageSettings with = settings();
  with.scratch = b_.path();
  EXPECT_EQ(choose_scratch(with), b_.path());
}

TEST_F(Scratch, IsDfmScratchBeforeTheSitesVariables) {
  set("DFM_SCRATCH", a_.path());
  set("DFM_TEST_FIRST", b_.path());
  EXPECT_EQ(choose_scratch(settings()), a_.path());
}

TEST_F(Scratch, IsTheFirstVariableThatNamesAFolder) {
  set("DFM_TEST_FIRST", a_ / "not there");
  set("DFM_TEST_SECOND", b_.path());
  EXPECT_EQ(choose_scratch(settings()), b_.path());
}

TEST_F(Scratch, IsAnErrorThatNamesTheVariablesWhereThereIsNone) {
  try {
    choose_scratch(settings());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("DFM_TEST_FIRST, DFM_TEST_SECOND"));
    EXPECT_THAT(error.hint(), HasSubstr("stage.scratch="));
  }
  try {
    choose_scratch(settings(), "checkpoint.local_save");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.hint(), HasSubstr("give checkpoint.local_save="));
  }
}

TEST_F(Scratch, IsLookedForInSlurmsVariableByDefault) {
  const Config config(all_keys());
  EXPECT_EQ(stage_settings(config).scratch_variables.front(), "SLURM_TMPDIR");
}

}  // namespace
}  // namespace dfm::stage
