// Indexing a folder with any number of ranks gives the same files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "comm/agree.h"
#include "core/stop_token.h"
#include "data/energon/index_builder.h"
#include "data/energon/indexed_dataset.h"
#include "data/energon/shape_reader.h"
#include "unit/data/shards.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::shard_of;

// A folder that all ranks see, filled by rank 0 and removed by it.
class SharedFolder {
 public:
  explicit SharedFolder(const comm::Group& world) : world_(world) {
    std::string name = (fs::temp_directory_path() / "dfm_index_XXXXXX").native();
    if (world.rank() == 0 && ::mkdtemp(name.data()) == nullptr) throw storage_error("cannot make " + name);
    path_ = world.broadcast_text(name, 0);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder() {
    world_.barrier();
    std::error_code ignored;
    if (world_.rank() == 0) fs::remove_all(path_, ignored);
  }

  // Collective.
  void write(const std::string& name, const std::string& content) const {
    if (world_.rank() == 0) {
      fs::create_directories((path_ / name).parent_path());
      File file = File::create(path_ / name);
      file.append(content);
      file.close();
    }
    world_.barrier();
  }
  const fs::path& path() const { return path_; }

 private:
  const comm::Group& world_;
  fs::path path_;
};

TEST(BuildIndex, GivesTheFilesOfTheReferenceOnAnyNumberOfRanks) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  const fs::path golden = DFM_GOLDEN_FOLDER "/energon/shuffled";
  for (int i = 0; i < 3; ++i) {
    const std::string name = fmt::format("shard-{:06}.tar", i);
    folder.write(name, read_text(golden / name));
  }
  const IndexReport report =
      build_index({.root = folder.path(), .split_ratio = {8, 1, 1}, .shuffle_tars = true}, world,
                  {.read_shapes = tensor_shape_reader()});
  EXPECT_EQ(report.exit_code(), ExitCode::done);
  EXPECT_EQ(report.samples, 60U);
  EXPECT_TRUE(report.has_shapes);
  EXPECT_EQ(report.text_width, 16U);
  for (const char* const name :
       {"shard-000000.tar.idx", "shard-000002.tar.idx", ".nv-meta/split.yaml", ".nv-meta/dataset.yaml"}) {
    EXPECT_EQ(read_text(folder.path() / name), read_text(golden / name)) << name;
  }
  const IndexedDataset dataset = IndexedDataset::open(folder.path(), "train");
  EXPECT_EQ(dataset.shape(1, 19), (SampleShape{16, 1, 2, 2, 2}));
}

TEST(BuildIndex, LeavesOutDamagedShardsAndSaysSoOnAllRanks) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  for (int i = 0; i < 5; ++i) folder.write(fmt::format("{}.tar", i), shard_of({fmt::format("{}", i)}));
  folder.write("bad/1.tar", shard_of({"x", "y"}).substr(0, 1700));
  folder.write("bad/2.tar", "hello");
  const IndexReport report = build_index({.root = folder.path()}, world, {});
  EXPECT_EQ(report.exit_code(), ExitCode::partial);
  ASSERT_EQ(report.skipped.size(), 2U);
  EXPECT_EQ(report.skipped[0].name, "bad/1.tar");
  EXPECT_EQ(report.shards.size(), 5U);
  EXPECT_EQ(IndexedDataset::open(folder.path(), "train").sample_count(), 5U);
}

TEST(BuildIndex, RefusesAKeyThatComesTwice) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  for (int i = 0; i < 8; ++i)
    folder.write(fmt::format("{}.tar", i),
                 shard_of({fmt::format("{}", i), i == 2 || i == 6 ? "same" : fmt::format("k{}", i)}));
  try {
    build_index({.root = folder.path()}, world, {});
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(),
                HasSubstr("the key same comes twice: in 2.tar (sample 1) and in 6.tar (sample 1)"));
  }
  EXPECT_FALSE(fs::exists(folder.path() / kInfoFile));
}

TEST(BuildIndex, RefusesTextsOfDifferentWidths) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  for (int i = 0; i < 4; ++i) {
    folder.write(fmt::format("{}.tar", i),
                 testing::tar_member(fmt::format("{}.pth", i)) +
                     testing::tar_member(fmt::format("{}.pickle", i), std::string(i == 3 ? 9 : 8, 'k')) +
                     testing::tar_end());
  }
  const ShapeReader reader = [](const File&, const SamplePart&, const SamplePart& pickle) -> TensorShapes {
    return {{16, 1, 2, 2, 3}, static_cast<std::uint32_t>(pickle.content_size)};
  };
  try {
    build_index({.root = folder.path()}, world, {.read_shapes = reader});
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("different widths: 8 in 0 of 0.tar, 9 in 3 of 3.tar"));
  }
}

TEST(BuildIndex, CountsSamplesWhoseShapesCannotBeRead) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  for (int i = 0; i < 3; ++i) {
    folder.write(fmt::format("{}.tar", i), testing::tar_member(fmt::format("{}.pth", i)) +
                                               testing::tar_member(fmt::format("{}.pickle", i)) +
                                               testing::tar_member(fmt::format("{}b.txt", i)) +
                                               testing::tar_end());
  }
  const ShapeReader reader = [](const File&, const SamplePart&, const SamplePart&) -> TensorShapes {
    return {{16, 1, 2, 2, 3}, 8};
  };
  const IndexReport report = build_index({.root = folder.path()}, world, {.read_shapes = reader});
  EXPECT_EQ(report.exit_code(), ExitCode::partial);
  EXPECT_EQ(report.samples_without_shape, 3U);
  const IndexedDataset dataset = IndexedDataset::open(folder.path(), "train");
  EXPECT_TRUE(dataset.shape(1, 0).is_known());
  EXPECT_FALSE(dataset.shape(1, 1).is_known());
}

TEST(BuildIndex, OfAnEmptyFolderIsADataErrorOnAllRanks) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  try {
    build_index({.root = folder.path()}, world, {});
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.hint(), HasSubstr("dfm_prepare"));
  }
}

TEST(BuildIndex, OfNothingButDamageIsADataError) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  folder.write("a.tar", "hello");
  folder.write("b.tar", "hello");
  try {
    build_index({.root = folder.path()}, world, {});
    FAIL();
  } catch (const comm::AgreedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("none of the 2 shards"));
  }
}

TEST(BuildIndex, RunsAgainAndDropsShapesThatNoLongerBelong) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  folder.write("a.tar", read_text(DFM_GOLDEN_FOLDER "/energon/plain/shard-000000.tar"));
  EXPECT_TRUE(build_index({.root = folder.path()}, world, {.read_shapes = tensor_shape_reader()}).has_shapes);
  folder.write("a.tar", shard_of({"1", "2"}));
  const IndexReport again =
      build_index({.root = folder.path()}, world, {.read_shapes = tensor_shape_reader()});
  EXPECT_FALSE(again.has_shapes);
  EXPECT_EQ(again.exit_code(), ExitCode::done);
  const IndexedDataset dataset = IndexedDataset::open(folder.path(), "train");
  EXPECT_EQ(dataset.sample_count(), 2U);
  EXPECT_FALSE(dataset.has_shapes());
}

// The last test: a request to stop cannot be taken back.
TEST(BuildIndex, StopsBetweenShardsWhenAnyRankIsAsked) {
  const comm::Group world = comm::Group::world();
  const SharedFolder folder(world);
  folder.write("a.tar", shard_of({"1"}));
  if (world.rank() == world.size() - 1) StopToken::request("a test");
  const IndexReport report = build_index({.root = folder.path()}, world, {});
  EXPECT_EQ(report.exit_code(), ExitCode::stopped);
  EXPECT_FALSE(fs::exists(folder.path() / kInfoFile));
}

}  // namespace
}  // namespace dfm::data
