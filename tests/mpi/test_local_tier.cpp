// Checkpoints on the nodes' own disks: two nodes where there are ranks for two, each with a folder of its
// own, of which one is lost, damaged or left behind.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/local_tier.h"
#include "ckpt/local_union.h"
#include "ckpt/pointer.h"
#include "ckpt/saver.h"
#include "comm/agree.h"
#include "core/file.h"
#include "mpi/shared_folder.h"
#include "support/errors.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using ::testing::HasSubstr;
using testing::SharedFolder;

constexpr std::int64_t kLength = 1000;

// The first ranks of the world on nodes of their own folders.
class Cluster {
 public:
  // Collective. The other ranks have no part in it.
  Cluster(const comm::Group& world, int ranks, int nodes, const SharedFolder& folder)
      : group_(world.split(world.rank() < ranks ? 0 : 1, "part")), takes_part_(world.rank() < ranks) {
    const int number = group_.rank() * std::min(nodes, group_.size()) / group_.size();
    const std::string place =
        takes_part_ ? fmt::format("node_{}", number) : fmt::format("idle_{}", world.rank());
    nodes_.emplace(
        local_nodes(group_, stage::node_groups(group_, number), {folder / place, folder / "stead"}, "run"));
    shared_ = folder / "shared";
  }

  bool takes_part() const { return takes_part_; }
  const comm::Group& group() const { return group_; }
  const LocalNodes& nodes() const { return *nodes_; }
  int node() const { return nodes_->node_of_rank[static_cast<std::size_t>(group_.rank())]; }
  bool leads(int node_number) const { return nodes_->groups.leads() && node() == node_number; }
  fs::path folder(std::int64_t step) const { return checkpoint_folder(nodes_->root, step); }
  fs::path shared() const { return shared_; }

  Tier local(LocalTierSettings settings = {}) const { return local_tier(*nodes_, settings); }
  Tier shared_tier() const { return with_local_tidied(ckpt::shared_tier(group_, shared_, {}), *nodes_); }

  // Collective.
  void save(const Tier& tier, std::int64_t step, std::int64_t shared_step = 0) const {
    Manifest manifest;
    manifest.step = step;
    manifest.shared_step = shared_step;
    std::vector<float> values(kLength);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(step, kLength * group_.rank() + i);
    Saver saver(group_, tier, false);
    saver.save_now(manifest, {{kWeights, "w", {kLength, group_.size()}, kLength * group_.rank(), values}});
    saver.finish();
    group_.barrier();
  }

  // Collective. The checkpoint whose values all ranks have read, as a trainer does.
  std::optional<Listed> load(LocalTierSettings settings = {}) const {
    LocalUnion local(group_, *nodes_, settings, read_pointer(shared_));
    return load_newest(
        group_, shared_, Damaged::set_aside, [&](const Listed& found) { read_own(found); }, &local);
  }

  template <class Body>
  void on_leader(int node_number, Body&& body) const {
    if (takes_part_ && leads(node_number)) body();
    group_.barrier();
  }

 private:
  static float value(std::int64_t step, std::size_t i) {
    return static_cast<float>(step) + static_cast<float>(i) / 4096;
  }

  void read_own(const Listed& found) const {
    comm::agreed(group_, [&] {
      const auto& files = found.manifest->files;
      const auto rank = static_cast<std::size_t>(group_.rank());
      PieceReader reader(found.folder, files, rank);
      const std::int64_t all = kLength * found.manifest->ranks;
      const std::int64_t begin = all * group_.rank() / group_.size(),
                         end = all * (group_.rank() + 1) / group_.size();
      std::vector<float> values(static_cast<std::size_t>(end - begin));
      reader.read(kWeights, "w", {kLength, found.manifest->ranks}, begin, values);
      for (std::size_t i = rank; i < files.size(); i += static_cast<std::size_t>(group_.size()))
        reader.require_checksum(files[i]);
      for (std::size_t i = 0; i < values.size(); ++i)
        ASSERT_EQ(values[i], value(found.step, static_cast<std::size_t>(begin) + i));
    });
  }

  comm::Group group_;
  bool takes_part_;
  std::optional<LocalNodes> nodes_;
  fs::path shared_;
};

class LocalTier : public ::testing::Test {
 protected:
  // Collective. Step 10 in the shared tier, then step 12 on the nodes.
  void save_both(const Cluster& cluster, LocalTierSettings settings = {}) const {
    cluster.save(cluster.shared_tier(), 10);
    cluster.save(cluster.local(settings), 12, 10);
  }
  bool has_two_nodes() const { return world_.size() > 1; }
  // Nodes that hold this step, under any name.
  std::int64_t nodes_with(const Cluster& cluster, const std::string& name) const {
    std::int64_t number = cluster.nodes().groups.leads() && fs::exists(cluster.nodes().root / name) ? 1 : 0;
    cluster.group().all_reduce_sum(std::span(&number, 1));
    return number;
  }

  const comm::Group world_ = comm::Group::world();
  const SharedFolder folder_{world_};
  const Cluster cluster_{world_, world_.size(), 2, folder_};
};

TEST_F(LocalTier, IsGoneOnFromWhereItIsNewer) {
  save_both(cluster_);
  EXPECT_EQ(cluster_.load()->step, 12);
  cluster_.save(cluster_.shared_tier(), 20);
  EXPECT_EQ(cluster_.load()->step, 20);
}

TEST_F(LocalTier, WithPartnerCopiesLosesNothingWithANode) {
  save_both(cluster_);
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  for (const int lost : {0, 1}) {
    cluster_.on_leader(lost, [&] { fs::remove_all(cluster_.nodes().root); });
    cluster_.on_leader(lost, [&] { fs::create_directories(cluster_.nodes().root); });
    EXPECT_EQ(cluster_.load()->step, 12);
  }
  EXPECT_EQ(nodes_with(cluster_, "iter_0000012/manifest.json"), 2);
}

TEST_F(LocalTier, WithoutPartnerCopiesFallsBackToTheSharedOneWithANode) {
  const LocalTierSettings alone{.most_recent = 1, .partner_copy = false};
  save_both(cluster_, alone);
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  EXPECT_EQ(cluster_.load(alone)->step, 12);
  cluster_.on_leader(1, [&] { fs::rename(cluster_.folder(12), cluster_.nodes().root / "away"); });
  EXPECT_EQ(cluster_.load(alone)->step, 10);
  cluster_.on_leader(1, [&] { fs::rename(cluster_.nodes().root / "away", cluster_.folder(12)); });
  EXPECT_EQ(cluster_.load()->step, 12);  // what cannot be had now was not damaged
}

TEST_F(LocalTier, ReadsThePartnersCopyOfAFileThatIsDamaged) {
  save_both(cluster_);
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  cluster_.on_leader(0, [&] { flip_bit(cluster_.folder(12) / "rank_00000.h5", 5000); });
  EXPECT_EQ(cluster_.load()->step, 12);
  EXPECT_EQ(nodes_with(cluster_, "iter_0000012/rank_00000.h5.damaged"), 1);
  EXPECT_EQ(cluster_.load()->step, 12);
}

TEST_F(LocalTier, ReadsThePartnersCopyOfAFileThatIsCutOff) {
  save_both(cluster_);
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  cluster_.on_leader(0, [&] { fs::resize_file(cluster_.folder(12) / "rank_00000.h5", 3000); });
  EXPECT_EQ(cluster_.load()->step, 12);
}

TEST_F(LocalTier, NeedsTheManifestOfOneNodeAlone) {
  save_both(cluster_, {.most_recent = 1, .partner_copy = false});
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  cluster_.on_leader(0, [&] { flip_bit(cluster_.folder(12) / kManifestName, 100); });
  EXPECT_EQ(cluster_.load()->step, 12);
}

TEST_F(LocalTier, WhoseCopiesAreAllDamagedIsSetAsideForTheSharedOne) {
  save_both(cluster_);
  for (const int node : {0, 1}) {
    cluster_.on_leader(node, [&] { flip_bit(cluster_.folder(12) / "rank_00000.h5", 5000); });
    if (!has_two_nodes()) break;
  }
  EXPECT_EQ(cluster_.load()->step, 10);
  EXPECT_EQ(nodes_with(cluster_, "iter_0000012.damaged"), cluster_.nodes().count());
  cluster_.save(cluster_.local(), 12, 10);
  EXPECT_EQ(cluster_.load()->step, 12);
}

TEST_F(LocalTier, ThatIsDamagedAndAllThereIsNoFreshStart) {
  cluster_.save(cluster_.local({.most_recent = 1, .partner_copy = false}), 12);
  cluster_.on_leader(0, [&] { flip_bit(cluster_.folder(12) / "rank_00000.h5", 5000); });
  EXPECT_EQ(error_of([&] { cluster_.load(); }).kind(), ExitCode::no_checkpoint);
}

TEST_F(LocalTier, IsReadByOtherRanksOnOtherNodes) {
  if (!has_two_nodes()) GTEST_SKIP() << "one rank";
  const Cluster fewer(world_, world_.size() - 1, 2, folder_);
  if (fewer.takes_part()) save_both(fewer);
  world_.barrier();
  EXPECT_EQ(cluster_.load()->step, 12);
  cluster_.save(cluster_.local(), 13, 10);
  const auto back = fewer.takes_part() ? fewer.load() : std::nullopt;
  EXPECT_EQ(back ? back->step : 13, 13);
  world_.barrier();
}

TEST_F(LocalTier, KeepsTheNewestAndNothingOlderThanASharedOne) {
  for (const std::int64_t step : {1, 2, 3}) cluster_.save(cluster_.local({.most_recent = 2}), step);
  EXPECT_EQ(nodes_with(cluster_, "iter_0000001"), 0);
  EXPECT_EQ(nodes_with(cluster_, "iter_0000002"), cluster_.nodes().count());
  cluster_.save(cluster_.shared_tier(), 4);
  EXPECT_EQ(nodes_with(cluster_, "iter_0000003"), 0);
}

TEST_F(LocalTier, IsSetAsideWhenThePointerWasLowered) {
  cluster_.save(cluster_.shared_tier(), 5);
  save_both(cluster_);
  if (world_.rank() == 0) write_pointer(cluster_.shared(), 5);
  world_.barrier();
  EXPECT_EQ(cluster_.load()->step, 5);
  EXPECT_EQ(nodes_with(cluster_, "iter_0000012.damaged"), cluster_.nodes().count());
}

TEST_F(LocalTier, ThatFailsOnOneNodeIsAnnouncedByNone) {
  save_both(cluster_);
  const int failing = cluster_.nodes().count() - 1;
  cluster_.on_leader(failing, [&] {
    fs::create_directories(cluster_.nodes().root / ".iter_0000014.partial/rank_00000.h5/x");
  });
  EXPECT_EQ(error_of([&] { cluster_.save(cluster_.local(), 14, 10); }).kind(), ExitCode::storage);
  cluster_.group().barrier();
  EXPECT_GE(cluster_.load()->step, 12);
}

TEST_F(LocalTier, IsRefusedWhereNodesShareOneFolder) {
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  const Error error = error_of([&] {
    local_nodes(world_, stage::node_groups(world_, world_.rank()), {folder_ / "one", {}}, "run");
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("one folder for several nodes"));
}

TEST_F(LocalTier, OfAnotherRunIsNeitherLoadedNorTouched) {
  save_both(cluster_);
  const LocalNodes other = local_nodes(world_, stage::node_groups(world_, cluster_.node()),
                                       {folder_ / fmt::format("node_{}", cluster_.node()), {}}, "another");
  LocalUnion local(world_, other, {}, std::nullopt);
  EXPECT_FALSE(local.load_newer(-1, [](const Listed&) {}));
  EXPECT_EQ(cluster_.load()->step, 12);
}

TEST_F(LocalTier, IsLeftAloneWhileThePointerPointsToNothing) {
  save_both(cluster_);
  if (world_.rank() == 0) write_pointer(cluster_.shared(), 3);
  world_.barrier();
  EXPECT_EQ(error_of([&] { cluster_.load(); }).kind(), ExitCode::no_checkpoint);
  if (world_.rank() == 0) write_pointer(cluster_.shared(), 10);
  world_.barrier();
  EXPECT_EQ(cluster_.load()->step, 12);
}

TEST_F(LocalTier, OfANodeWithoutADiskComesFromItsPartnerAndGoesToTheSharedFolder) {
  save_both(cluster_);
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  const fs::path disk = cluster_.nodes().root.parent_path();
  cluster_.on_leader(1, [&] { fs::remove_all(disk); });
  cluster_.on_leader(1, [&] { File::create(disk).close(); });  // nothing can be written below a file
  const Cluster struck(world_, world_.size(), 2, folder_);
  EXPECT_EQ(struck.nodes().disk_problem_of_node.at(0), "");
  EXPECT_THAT(struck.nodes().disk_problem_of_node.at(1), HasSubstr("node_1"));
  EXPECT_EQ(struck.load()->step, 12);
  struck.save(struck.local(), 14, 10);
  EXPECT_EQ(struck.load()->step, 14);
  EXPECT_TRUE(fs::exists(folder_ / "stead/node_1/dfm_checkpoints_run/iter_0000014/manifest.json"));

  cluster_.on_leader(1, [&] { fs::remove(disk); });
  const Cluster mended(world_, world_.size(), 2, folder_);
  EXPECT_EQ(mended.load()->step, 14);
  mended.save(mended.shared_tier(), 20);
  EXPECT_FALSE(fs::exists(folder_ / "stead"));
}

TEST_F(LocalTier, IsRefusedWhereNoNodeHasADisk) {
  if (world_.rank() == 0) File::create(folder_ / "file").close();
  world_.barrier();
  const Error error = error_of([&] {
    local_nodes(world_, stage::node_groups(world_, world_.rank()), {folder_ / "file", folder_ / "stead"},
                "run");
  });
  EXPECT_EQ(error.kind(), ExitCode::storage);
  EXPECT_THAT(error.hint(), HasSubstr("checkpoint.local_save"));
}

TEST_F(LocalTier, ExplainsANodesPartInAListing) {
  save_both(cluster_, {.most_recent = 1, .partner_copy = false});
  if (!has_two_nodes()) GTEST_SKIP() << "one node";
  EXPECT_THAT(list_checkpoints(cluster_.nodes().root).at(0).problem, HasSubstr("part of a node-local"));
}

}  // namespace
}  // namespace dfm::ckpt
