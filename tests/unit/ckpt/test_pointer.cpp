#include <gtest/gtest.h>

#include "ckpt/pointer.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

using testing::TemporaryFolder;

std::optional<std::int64_t> read(const std::string& content) {
  const TemporaryFolder folder;
  testing::write_file(folder / kPointerName, content);
  return read_pointer(folder.path());
}

TEST(Pointer, IsDecimalTextInTheFileOfMegatron) {
  const TemporaryFolder folder;
  write_pointer(folder.path(), 1000);
  EXPECT_EQ(testing::file_content(folder / "latest_checkpointed_iteration.txt"), "1000\n");
  EXPECT_EQ(read_pointer(folder.path()), 1000);
}

TEST(Pointer, MayBeWrittenByHand) {
  EXPECT_EQ(read("200"), 200);
  EXPECT_EQ(read(" 200 \r\n"), 200);
  EXPECT_EQ(read("\n0\n"), 0);
}

TEST(Pointer, IsEmptyWhereThereIsNoneOrNoNumber) {
  EXPECT_EQ(read_pointer(TemporaryFolder().path()), std::nullopt);
  for (const char* const text : {"", "\n", "release", "-5", "99999999999999999999", "1p\n", "10 00"})
    EXPECT_EQ(read(text), std::nullopt) << text;
}

TEST(Pointer, AFileOfAnotherKindIsRefused) {
  EXPECT_EQ(testing::error_of([] { read(std::string(1000, '1')); }).kind(), ExitCode::data);
}

}  // namespace
}  // namespace dfm::ckpt
