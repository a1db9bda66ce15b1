// Staging between nodes: two of them where there are ranks for two, each with a scratch folder of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/agree.h"
#include "core/file.h"
#include "mpi/shared_folder.h"
#include "stage/staging.h"
#include "stage/transfer.h"
#include "support/temporary_folder.h"

namespace dfm::stage {
namespace {

namespace fs = std::filesystem;
using dfm::testing::file_content;

std::string content_of(int file, std::size_t size) {
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>((i * 31 + i / 251 + file * 7) % 256);
  return content;
}

class StagingTogether : public ::testing::Test {
 protected:
  static constexpr std::size_t kLong = (8U << 20U) + 12345;  // more than a piece

  void SetUp() override {
    if (world_.rank() == 0) {
      fs::create_directories(root_ / "part");
      dfm::testing::write_file(root_ / "a.tar", content_of(0, kLong));
      dfm::testing::write_file(root_ / "part/b.tar", content_of(1, 1000));
      dfm::testing::write_file(root_ / "c.tar", "");
    }
    world_.barrier();
  }

  int nodes() const { return world_.size() > 1 ? 2 : 1; }
  int node() const { return world_.rank() * nodes() / world_.size(); }
  fs::path scratch() const { return folder_ / fmt::format("scratch_{}", node()); }
  StageSettings settings(Mode mode) const {
    StageSettings settings;
    settings.mode = mode;
    settings.scratch = scratch();
    settings.margin = 0;
    settings.keep = true;
    return settings;
  }
  std::unique_ptr<Staging> start(const StageSettings& settings) const {
    return std::make_unique<Staging>(settings, world_, node_groups(world_, node()), root_, names_);
  }
  // The sum over all ranks; only leaders have something to add.
  std::int64_t total(std::int64_t mine) const {
    world_.all_reduce_sum(std::span(&mine, 1));
    return mine;
  }
  void expect_all_copies(const Staging& staging) const {
    for (const std::string& name : names_) {
      const auto copy = staging.local_copy(root_ / name);
      ASSERT_TRUE(copy.has_value()) << name;
      EXPECT_TRUE(copy->native().starts_with(scratch().native()));
      EXPECT_EQ(file_content(*copy), file_content(root_ / name)) << name;
    }
  }

  const comm::Group world_ = comm::Group::world();
  const dfm::testing::SharedFolder folder_{world_};
  const fs::path root_ = folder_ / "data";
  const std::vector<std::string> names_{"a.tar", "part/b.tar", "c.tar"};
};

TEST_F(StagingTogether, GivesEveryNodeEverythingFromOneReadingOfTheSource) {
  for (const Mode mode : {Mode::broadcast, Mode::partition}) {
    StageSettings with = settings(mode);
    with.keep = false;
    const auto staging = start(with);
    EXPECT_TRUE(staging->wait(world_));
    expect_all_copies(*staging);
    EXPECT_EQ(total(static_cast<std::int64_t>(staging->report().read_bytes)), kLong + 1000);
    EXPECT_EQ(total(static_cast<std::int64_t>(staging->report().written_bytes)), nodes() * (kLong + 1000));
    world_.barrier();
  }
}

TEST_F(StagingTogether, DividesTheReadingOverTheNodes) {
  const auto staging = start(settings(Mode::partition));
  staging->wait(world_);
  const bool reads = staging->report().read_bytes > 0;
  EXPECT_EQ(total(reads ? 1 : 0), nodes());
}

TEST_F(StagingTogether, FindsWhatAnEarlierRunLeft) {
  start(settings(Mode::partition))->wait(world_);
  world_.barrier();
  const auto again = start(settings(Mode::partition));
  EXPECT_TRUE(again->wait(world_));
  expect_all_copies(*again);
  EXPECT_EQ(total(again->report().found), 3 * nodes());
  EXPECT_EQ(total(static_cast<std::int64_t>(again->report().read_bytes)), 0);
}

TEST_F(StagingTogether, MakesADamagedCopyAgainFromTheSource) {
  fs::path copies;
  {
    const auto staging = start(settings(Mode::partition));
    staging->wait(world_);
    copies = staging->folder();
  }
  world_.barrier();
  if (world_.rank() == 0) {
    std::string damaged = content_of(1, 1000);
    damaged[500] = static_cast<char>(damaged[500] ^ 1);
    dfm::testing::write_file(copies / "part/b.tar", damaged);
  }
  world_.barrier();
  const auto again = start(settings(Mode::partition));
  again->wait(world_);
  expect_all_copies(*again);
  EXPECT_EQ(total(again->report().staged), 1);
}

TEST_F(StagingTogether, RemovesTheCopiesAtTheEndUnlessTheyAreKept) {
  for (const bool keep : {false, true}) {
    StageSettings with = settings(Mode::partition);
    with.keep = keep;
    fs::path copies;
    {
      const auto staging = start(with);
      staging->wait(world_);
      copies = staging->folder();
    }
    world_.barrier();
    EXPECT_EQ(fs::exists(copies / "a.tar"), keep);
  }
}

TEST_F(StagingTogether, RefusesOnAllRanksWhatDoesNotFitEverywhere) {
  StageSettings with = settings(Mode::broadcast);
  if (node() == nodes() - 1) with.margin = 1;  // one node has no room
  const auto staging = start(with);
  try {
    staging->wait(world_);
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(fmt::format("node {}", nodes() - 1)));
    EXPECT_THAT(error.hint(), ::testing::HasSubstr("stage.mode=partition"));
  }
}

TEST_F(StagingTogether, LeavesTheRestOnTheSharedFileSystemWhereThereIsNoRoom) {
  StageSettings with = settings(Mode::partition);
  const bool has_room = node() != nodes() - 1;
  if (!has_room) with.margin = 1;
  const auto staging = start(with);
  EXPECT_TRUE(staging->wait(world_));
  if (has_room) expect_all_copies(*staging);
  EXPECT_EQ(staging->local_copy(root_ / "a.tar").has_value(), has_room);
}

TEST_F(StagingTogether, LosesOnlyTheSourcesThatVanishGrowOrAreRewrittenMeanwhile) {
  const auto files = look_at_files(root_, names_);
  world_.barrier();
  if (world_.rank() == 0) {
    fs::remove(root_ / "part/b.tar");
    dfm::testing::write_file(root_ / "c.tar", "grown");
  }
  world_.barrier();
  const NodeGroups groups = node_groups(world_, node());
  if (!groups.leads()) return;
  const StageFolder folder(scratch() / "own", files, AtEnd::keep);
  const TransferContext context{groups.leaders, folder, files, [] { return false; }, 1U << 20U};
  const int last = nodes() - 1;
  const auto result = transfer_batch(context, {{0, 0}, {1, last}, {2, last}}, {true, true, true});
  EXPECT_THAT(result.kept, ::testing::ElementsAre(0));
  ASSERT_EQ(result.problems.size(), 2U);
  EXPECT_THAT(result.problems[0].what(), ::testing::HasSubstr("b.tar has vanished"));
  EXPECT_THAT(result.problems[1].what(), ::testing::HasSubstr("c.tar has grown while it was staged"));
  EXPECT_EQ(result.problems[1].kind(), ExitCode::data);
  EXPECT_FALSE(fs::exists(folder.path_of(files[1])));
}

TEST_F(StagingTogether, StopsOnAllNodesWhenOneIsAskedTo) {
  const auto files = look_at_files(root_, names_);
  const NodeGroups groups = node_groups(world_, node());
  if (!groups.leads()) return;
  const StageFolder folder(scratch() / "own", files, AtEnd::keep);
  const bool is_asked = node() == nodes() - 1;
  int polls = 0;
  const TransferContext context{groups.leaders, folder, files, [&] { return is_asked && ++polls > 3; },
                                1U << 20U};
  const auto result = transfer_batch(context, {{0, 0}}, {true, true, true});
  EXPECT_TRUE(result.stopped);
  EXPECT_FALSE(fs::exists(folder.path_of(files[0])));
  EXPECT_FALSE(fs::exists(temporary_name(folder.path_of(files[0]))));
}

TEST_F(StagingTogether, FailsOnAllRanksForAFileThatIsNotThere) {
  try {
    const Staging staging(settings(Mode::partition), world_, node_groups(world_, node()), root_, {"no.tar"});
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("no.tar has vanished"));
  }
}

TEST_F(StagingTogether, RefusesAFolderThatAnotherRunFills) {
  const auto first = start(settings(Mode::partition));
  world_.barrier();
  try {
    start(settings(Mode::partition));
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("in use by another run"));
  }
  first->wait(world_);
}

}  // namespace
}  // namespace dfm::stage
