// One rank reads what is known of the data before any sample: the others need not even find the files.
#include <gtest/gtest.h>

#include "comm/agree.h"
#include "config/keys.h"
#include "core/error.h"
#include "data/energon/index_metadata.h"
#include "data/energon/shard_result.h"
#include "data/energon/tar_index.h"
#include "data/tar/shard_writer.h"
#include "data/tensor/tensor_file.h"
#include "mpi/shared_folder.h"
#include "train/data_sources.h"

namespace dfm::train {
namespace {

constexpr int kSamples = 5;

void write_data(const std::filesystem::path& root) {
  data::ShardWriter writer(root / "a.tar");
  for (int i = 0; i < kSamples; ++i) {
    const auto of_sample = [i](const Shape& shape) {
      return from_floats(
          std::vector<float>(static_cast<std::size_t>(element_count(shape)), static_cast<float>(i)), shape,
          DType::float32);
    };
    writer.add(fmt::format("{}.pth", i), data::write_pth(of_sample({16, 1, 2, 2})));
    writer.add(fmt::format("{}.pickle", i), data::write_numpy_pickle(of_sample({3, 8})));
  }
  writer.commit();
  const data::ShardResult shard = data::read_shard(root, "a.tar", {});
  data::write_tar_index(root / "a.tar", shard.offsets);
  data::IndexReport report;
  report.shards.push_back({"a.tar", shard.summary.samples});
  data::prepare_meta_folder({.root = root});
  data::write_metadata({.root = root}, report);
}

Config config_of(const std::string& dataset) {
  Config config(all_keys());
  config.apply({{"dataset.path", dataset, "test"}});
  return config;
}

class SharedDataIndex : public ::testing::Test {
 protected:
  const comm::Group world_ = comm::Group::world();
  const dfm::testing::SharedFolder folder_{world_};
};

TEST_F(SharedDataIndex, IsReadByRank0Alone) {
  if (world_.rank() == 0) write_data(folder_.path());
  world_.barrier();
  const Config config = config_of(world_.rank() == 0 ? folder_.path().native() : "/nowhere");
  const data::SampleSource source = training_source(config, shared_data_index(config, world_));
  ASSERT_EQ(source.count(), kSamples);
  EXPECT_EQ(source.read(3)->latent.as<float>()[0], 3);
}

TEST_F(SharedDataIndex, ThatCannotBeReadIsAnErrorOfAllRanks) {
  try {
    shared_data_index(config_of(folder_.path().native()), world_);
    ADD_FAILURE() << "the folder is not indexed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::data);
  }
}

}  // namespace
}  // namespace dfm::train
