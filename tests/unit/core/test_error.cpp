#include <cerrno>
#include <filesystem>
#include <new>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace dfm {
namespace {

using ::testing::HasSubstr;

template <class Thrown>
Error converted(const Thrown& thrown) {
  return to_error(std::make_exception_ptr(thrown));
}

TEST(Error, KindsHaveTheExitCodesOfTheContract) {
  EXPECT_EQ(static_cast<int>(internal_error("x").kind()), 1);
  EXPECT_EQ(static_cast<int>(usage_error("x").kind()), 2);
  EXPECT_EQ(static_cast<int>(data_error("x").kind()), 3);
  EXPECT_EQ(static_cast<int>(storage_error("x").kind()), 4);
  EXPECT_EQ(static_cast<int>(ExitCode::no_checkpoint), 5);
  EXPECT_EQ(static_cast<int>(ExitCode::hang), 6);
  EXPECT_EQ(static_cast<int>(ExitCode::partial), 7);
  EXPECT_EQ(static_cast<int>(ExitCode::stopped), 75);
}

TEST(Error, EveryExitCodeHasAPhraseOfItsOwn) {
  std::vector<std::string_view> phrases;
  for (const int code : {0, 1, 2, 3, 4, 5, 6, 7, 75}) {
    const std::string_view phrase = describe(static_cast<ExitCode>(code));
    EXPECT_NE(phrase, "unknown");
    EXPECT_THAT(phrases, ::testing::Not(::testing::Contains(phrase)));
    phrases.push_back(phrase);
  }
}

TEST(Error, AnInternalErrorAsksForAReport) { EXPECT_THAT(internal_error("x").hint(), HasSubstr("report")); }

TEST(Error, AFailedSystemCallNamesActionPathAndCause) {
  const Error error = system_error("write", "/data/a.bin", ENOSPC);
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_STREQ(error.what(), "cannot write /data/a.bin: No space left on device");
}

TEST(Error, TheUsualCausesHaveTheirRemedies) {
  const auto remedy = [](int cause) { return system_error("write", "x", cause).hint(); };
  EXPECT_THAT(remedy(ENOSPC), HasSubstr("full"));
  EXPECT_THAT(remedy(EDQUOT), HasSubstr("quota"));
  EXPECT_THAT(remedy(EFBIG), HasSubstr("ulimit -f"));
  EXPECT_THAT(remedy(EROFS), HasSubstr("read-only"));
  EXPECT_THAT(remedy(EACCES), HasSubstr("permissions"));
  EXPECT_THAT(remedy(EPERM), HasSubstr("permissions"));
  EXPECT_THAT(remedy(ENOENT), HasSubstr("spelling"));
  EXPECT_THAT(remedy(ENAMETOOLONG), HasSubstr("shorter"));
  EXPECT_THAT(remedy(ENOTDIR), HasSubstr("folder is needed"));
  EXPECT_THAT(remedy(EISDIR), HasSubstr("file is needed"));
  EXPECT_THAT(remedy(EMFILE), HasSubstr("ulimit -n"));
  EXPECT_THAT(remedy(EIO), HasSubstr("system log"));
  EXPECT_EQ(remedy(EDOM), "");
}

TEST(ToError, KeepsAnErrorAsItIs) {
  const Error error = converted(data_error("bad", "mend it"));
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_STREQ(error.what(), "bad");
  EXPECT_EQ(error.hint(), "mend it");
}

TEST(ToError, LackOfMemoryHasItsRemedy) {
  for (const Error& error :
       {converted(std::bad_alloc()), converted(std::bad_array_new_length()),
        converted(std::runtime_error("[enforce fail] can't allocate memory: you tried\nat frame 1"))}) {
    EXPECT_EQ(error.kind(), ExitCode::internal);
    EXPECT_THAT(error.hint(), HasSubstr("more ranks"));
    EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n")));
  }
}

TEST(ToError, OfForeignTextTheFirstLineStays) {
  const Error error =
      converted(std::runtime_error("sizes do not match\nframe #0: somewhere\nframe #1: else"));
  EXPECT_EQ(error.kind(), ExitCode::internal);
  EXPECT_STREQ(error.what(), "sizes do not match");
}

TEST(ToError, AFailureOfTheFileSystemIsAStorageErrorWithItsRemedy) {
  const Error error = converted(std::filesystem::filesystem_error(
      "cannot get file size", "/data/x", std::error_code(EACCES, std::generic_category())));
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_THAT(error.what(), HasSubstr("/data/x: Permission denied"));
  EXPECT_THAT(error.hint(), HasSubstr("permissions"));
}

TEST(ToError, WhatIsNoExceptionIsAnInternalError) { EXPECT_EQ(converted(42).kind(), ExitCode::internal); }

TEST(Ensure, ThrowsForAFalseConditionOnly) {
  EXPECT_NO_THROW(ensure(true, "x"));
  EXPECT_THROW(ensure(false, "x"), Error);
}

}  // namespace
}  // namespace dfm
