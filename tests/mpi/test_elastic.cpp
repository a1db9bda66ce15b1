// A checkpoint saved in any layout loads in any other: pairs of layouts, drawn at random, on the same or
// another number of ranks. The same weights and optimizer state, and the same losses from there on.
#include <gtest/gtest.h>

#include "ckpt/saver.h"
#include "mpi/layout_rows.h"
#include "mpi/newest_valid.h"
#include "mpi/shared_folder.h"
#include "support/seed.h"

namespace dfm::train {
namespace {

using comm::Group;
using comm::Sharding;

constexpr int kPairs = 10, kStepsBefore = 3, kStepsAfter = 5;
constexpr std::int64_t kLayers = 4;

struct Way {
  const char* name;
  int ranks;
  comm::GridShape grid;
  Sharding sharding = Sharding::optimizer;
};

// Of a network that they all can cut.
const std::vector<Way>& ways() {
  static const std::vector<Way> all{
      {"one rank", 1, {}},
      {"ZeRO-1 on 3", 3, {}},
      {"ZeRO-2 on 2", 2, {}, Sharding::gradients},
      {"FSDP on 4", 4, {}, Sharding::parameters},
      {"FSDP in 2 copies", 4, {.shard_copies = 2}, Sharding::parameters},
      {"nothing divided on 2", 2, {.shard_copies = comm::GridShape::kUndivided}, Sharding::none},
      {"tensor 3", 3, {.tensor = 3}},
      {"tensor 2, data 2", 4, {.tensor = 2}},
      {"context 4, heads and ring", 4, {.context = 4, .context_heads = 2}},
      {"tensor 2, context 2", 4, {.tensor = 2, .context = 2}},
      {"FSDP, context 2, data 2", 4, {.context = 2}, Sharding::parameters},
      {"pipeline 3", 3, {.pipeline = 3}},
      {"pipeline 2 in chunks", 2, {.pipeline = 2, .pipeline_chunks = 2}},
      {"tensor 2, pipeline 2", 4, {.tensor = 2, .pipeline = 2}},
      {"pipeline 2, expert 2", 4, {.pipeline = 2, .expert = 2}},
      {"expert 3", 3, {.expert = 3}},
      {"expert 2 of data 4", 4, {.expert = 2}},
      {"tensor 2, expert 2", 4, {.tensor = 2, .expert = 2}},
      {"FSDP, expert 2 of data 4", 4, {.expert = 2}, Sharding::parameters},
      {"FSDP, context 2, expert 2", 4, {.context = 2, .expert = 2}, Sharding::parameters},
      {"FSDP, pipeline 2 in chunks", 4, {.pipeline = 2, .pipeline_chunks = 2}, Sharding::parameters},
      {"FSDP, tensor 2, pipeline 2", 4, {.tensor = 2, .pipeline = 2}, Sharding::parameters},
  };
  return all;
}

// The ranks of the world that a way uses, with a trainer; the others wait.
class Running {
 public:
  // Collective over the world.
  Running(const Group& world, const Way& way)
      : name_(way.name), group_(world.split(world.rank() < way.ranks ? 0 : 1, "used")) {
    if (world.rank() >= way.ranks) return;
    groups_.emplace(group_, comm::RankGrid(way.ranks, way.grid));
    TrainerSettings settings = tiny_settings();
    settings.model = awkward_model("EcDit", kLayers);
    settings.sharding = way.sharding;
    trainer_.emplace(settings, *groups_, layout_reader(*groups_));
  }

  bool takes_part() const { return trainer_.has_value(); }
  Trainer& trainer() { return *trainer_; }
  const char* name() const { return name_; }

  ckpt::Listed saved(const std::filesystem::path& root) const {
    ckpt::Manifest manifest;
    manifest.step = trainer_->steps_done();
    manifest.consumed_samples = trainer_->consumed_samples();
    ckpt::Saver(group_, {.root = root, .retention = {}}).save_now(manifest, trainer_->pieces());
    return dfm::testing::newest_valid(group_, root).value();
  }
  void load_newest(const std::filesystem::path& root) {
    trainer_->load(dfm::testing::newest_valid(group_, root).value());
  }
  std::vector<double> next_losses() {
    std::vector<double> losses;
    for (int i = 0; i < kStepsAfter; ++i) losses.push_back(trainer_->step().loss);
    return losses;
  }

 private:
  const char* name_;
  Group group_;
  std::optional<comm::GridGroups> groups_;
  std::optional<Trainer> trainer_;
};

// All values of a checkpoint, put together by what reads any layout.
std::vector<float> values_of(const ckpt::Listed& checkpoint, const std::string& kind) {
  ckpt::PieceReader reader(ckpt::piece_files(checkpoint, 0));
  std::vector<float> all;
  for (const auto& [parameter, shape] : reader.parameters(kind)) {
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    reader.read(kind, parameter, shape, 0, values);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

class Elastic : public ::testing::Test {
 protected:
  void SetUp() override {
    if (world_.size() != 4) GTEST_SKIP() << "needs 4 ranks";
  }

  // Both numbers are rank 0's.
  std::pair<std::size_t, std::size_t> draw(std::mt19937& random) const {
    const std::size_t from = random() % ways().size(), other = random() % (ways().size() - 1);
    std::array<std::int64_t, 2> pair{static_cast<std::int64_t>(from),
                                     static_cast<std::int64_t>(other < from ? other : other + 1)};
    world_.broadcast(std::as_writable_bytes(std::span(pair)), 0);
    return {static_cast<std::size_t>(pair[0]), static_cast<std::size_t>(pair[1])};
  }

  void expect_same_state(const ckpt::Listed& first, const ckpt::Listed& second) const {
    for (const char* const kind : {ckpt::kWeights, ckpt::kFirstMoment, ckpt::kSecondMoment}) {
      const auto expected = values_of(first, kind);
      EXPECT_GT(expected.size(), 0U);
      EXPECT_EQ(values_of(second, kind), expected) << kind;
    }
  }

  const Group world_ = Group::world();
  const dfm::testing::SharedFolder folder_{world_};
};

TEST_F(Elastic, TenPairsOfLayoutsDrawnAtRandomGoOnFromTheSameState) {
  std::mt19937 random(world_.rank() == 0 ? dfm::testing::announced_seed() : 0);
  for (int pair = 0; pair < kPairs; ++pair) {
    const auto [from, to] = draw(random);
    const auto root = folder_ / std::to_string(pair), again = root / "again";
    SCOPED_TRACE(std::string("from ") + ways()[from].name + " to " + ways()[to].name);
    Running first(world_, ways()[from]), second(world_, ways()[to]);
    std::optional<ckpt::Listed> saved;
    std::vector<double> expected;
    if (first.takes_part()) {
      first.trainer().initialize();
      for (int i = 0; i < kStepsBefore; ++i) first.trainer().step();
      saved = first.saved(root);
      expected = first.next_losses();
    }
    world_.barrier();
    if (second.takes_part()) {
      second.load_newest(root);
      const ckpt::Listed ours = second.saved(again);
      if (world_.rank() == 0) expect_same_state(*saved, ours);
      const std::vector<double> losses = second.next_losses();
      for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(losses[i], expected[i], 1e-6 * expected[i]) << "step " << i;
    }
    world_.barrier();
  }
}

}  // namespace
}  // namespace dfm::train
