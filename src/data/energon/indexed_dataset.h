// An indexed folder of shards, opened to read the samples of one split by their place.
//
//   const IndexedDataset dataset = IndexedDataset::open(root, "train");
//   for (std::size_t shard = 0; shard < dataset.shards().size(); ++shard) {
//     for (std::uint64_t i = 0; i < dataset.shards()[shard].samples; ++i) use(dataset.read_sample(shard, i));
//   }
//
// Samples that the split file excludes one by one (SHARD/KEY) do not exist here: they are not counted, and
// the samples behind them move up. (The reference counts them and leaves them out when their turn comes.) To
// find them, open() scans the headers of the shards that have such entries.
//
// Offsets are read when a shard is first used. The 16 shards that were used last stay open. All const
// functions may be called from several threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "data/energon/dataset_index.h"
#include "data/energon/find_copy.h"
#include "data/energon/raw_sample.h"
#include "data/energon/sample_shapes.h"
#include "data/energon/split_shards.h"

namespace dfm::data {

class OpenShards;
class ShardShapes;

class IndexedDataset {
 public:
  // Nothing is read yet. The recorded shapes are read from a copy where there is one.
  explicit IndexedDataset(const DatasetIndex& index, FindCopy find_copy = {});
  // Throws as read_dataset_index does.
  static IndexedDataset open(const std::filesystem::path& root, std::string_view split,
                             std::string_view split_file = {}, FindCopy find_copy = {});

  IndexedDataset(IndexedDataset&&) noexcept;
  IndexedDataset& operator=(IndexedDataset&&) noexcept;
  ~IndexedDataset();

  const std::vector<IndexedShard>& shards() const { return shards_; }
  std::uint64_t sample_count() const { return sample_count_; }

  // Equal for data sets with the same shards, sample counts, archive ends and excluded samples, wherever they
  // lie.
  std::uint64_t fingerprint() const { return fingerprint_; }

  // The sample's files. Data errors name the shard and the sample.
  RawSample read_sample(std::size_t shard, std::uint64_t sample) const;
  // The same from a copy of the shard, which has its index beside it.
  RawSample read_sample(std::size_t shard, std::uint64_t sample, const std::filesystem::path& copy) const;

  // After a failure to read from a shard: the error that says why, where the shard is no longer what it was.
  // The next read opens it again.
  std::optional<Error> explain_failure(std::size_t shard) const;

  // Whether dfm_index recorded the shapes of the samples.
  bool has_shapes() const { return shapes_ != nullptr; }
  // Width of the rows of text, the same in all samples.
  std::uint32_t text_width() const;
  // All zero for a sample whose tensors could not be read. Rows are read when a shard is first asked for.
  SampleShape shape(std::size_t shard, std::uint64_t sample) const;

 private:
  std::vector<IndexedShard> shards_;
  std::uint64_t sample_count_ = 0;
  std::uint64_t fingerprint_ = 0;
  std::unique_ptr<OpenShards> open_shards_;
  std::unique_ptr<ShardShapes> shapes_;
};

}  // namespace dfm::data
