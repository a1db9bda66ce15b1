#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "report/event_writer.h"
#include "support/temporary_folder.h"
#include "unit/report/small_png.h"

namespace dfm::report {
namespace {

using dfm::testing::TemporaryFolder;

using std::chrono::seconds;
using std::chrono::system_clock;
using ::testing::EndsWith;
using ::testing::StartsWith;

constexpr system_clock::time_point kNow{seconds(1700000000)};

TEST(EventFileName, HoldsTimeAndProcess) {
  const TemporaryFolder folder;
  const std::string name = event_file_name(folder.path(), kNow);
  EXPECT_THAT(name, StartsWith("events.out.tfevents.1700000000."));
  EXPECT_THAT(name, EndsWith("." + std::to_string(::getpid()) + ".dfm"));
}

TEST(EventFileName, SortsAfterTheFilesOfAClockThatIsAhead) {
  const TemporaryFolder folder;
  write_durably(folder / "events.out.tfevents.1700000500.zzz.1.dfm", "");
  EXPECT_THAT(event_file_name(folder.path(), kNow), StartsWith("events.out.tfevents.1700000501."));
}

TEST(EventFileName, SurvivesNamesThatHoldNoTime) {
  const TemporaryFolder folder;
  write_durably(folder / "events.out.tfevents.99999999999999999999999.x", "");
  write_durably(folder / "events.out.tfevents.-5.x", "");
  write_durably(folder / "notes.txt", "");
  EXPECT_THAT(event_file_name(folder.path(), kNow), StartsWith("events.out.tfevents.1700000000."));
}

// The layout of tensorflow/core/lib/io/record_writer.h, with the checksum of the length known from files that
// TensorFlow wrote.
TEST(EventRecord, IsFramedByLengthAndChecksums) {
  const std::string record = frame_record(std::string(24, 'x'));
  ASSERT_EQ(record.size(), 8 + 4 + 24 + 4);
  EXPECT_EQ(record.substr(0, 12), std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
  EXPECT_EQ(record.substr(12, 24), std::string(24, 'x'));
}

TEST(EventWriter, OpensItsFileWithTheVersion) {
  const TemporaryFolder folder;
  const EventWriter events(folder / "tensorboard/run", 1);
  // wall time (9 bytes), step 0 (2 bytes), field 3
  EXPECT_EQ(read_text(events.path()).substr(12 + 9 + 2, 15),
            "\x1a\x0d"
            "brain.Event:2");
}

TEST(EventWriter, HandsEachRecordOverAtOnce) {
  const TemporaryFolder folder;
  EventWriter events(folder.path(), 1);
  const auto before = read_text(events.path()).size();
  events.scalar("loss", 0.5, 1);
  // Frame 16, wall time 9, step 2, summary tag and length 2, value tag and length 2, tag 6, number 5.
  EXPECT_EQ(read_text(events.path()).size(), before + 42);
}

TEST(EventWriter, RefusesAnImageThatIsNotPng) {
  const TemporaryFolder folder;
  EventWriter events(folder.path(), 1);
  EXPECT_THROW(events.image("sample", std::as_bytes(std::span("JFIF")), 1), Error);
  EXPECT_NO_THROW(events.image("sample", small_png(), 1));
}

TEST(EventWriter, NamesTheFolderItCannotMake) {
  const TemporaryFolder folder;
  write_durably(folder / "file", "");
  EXPECT_THROW(EventWriter(folder / "file/run", 1), Error);
}

}  // namespace
}  // namespace dfm::report
