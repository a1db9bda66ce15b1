#include "data/energon/indexed_dataset.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"
#include "data/energon/open_shards.h"
#include "data/energon/shard_shapes.h"
#include "data/tensor/error_context.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestSampleBytes = std::uint64_t{4} << 30U;
constexpr const char* kIndexAgain = "the shards changed: run dfm_index FOLDER again";

std::uint64_t fingerprint_of(const std::vector<IndexedShard>& shards) {
  std::string text;
  for (const IndexedShard& shard : shards) {
    text += fmt::format("{}{}{} {} {}\n", shard.name, '\0', shard.samples, shard.end_offset,
                        fmt::join(shard.excluded, ","));
  }
  return hash64(text);
}

std::unique_ptr<ShardShapes> shapes_of(const DatasetIndex& index, FindCopy find_copy) {
  if (index.shapes.empty()) return nullptr;
  return std::make_unique<ShardShapes>(ShapesFile(index.root / kShapesFile, index.shapes),
                                       std::move(find_copy));
}

}  // namespace

IndexedDataset::IndexedDataset(IndexedDataset&&) noexcept = default;
IndexedDataset& IndexedDataset::operator=(IndexedDataset&&) noexcept = default;
IndexedDataset::~IndexedDataset() = default;

IndexedDataset::IndexedDataset(const DatasetIndex& index, FindCopy find_copy)
    : shards_(index.shards),
      fingerprint_(fingerprint_of(shards_)),
      open_shards_(std::make_unique<OpenShards>()),
      shapes_(shapes_of(index, std::move(find_copy))) {
  for (const IndexedShard& shard : shards_) sample_count_ += shard.samples;
}

IndexedDataset IndexedDataset::open(const fs::path& root, std::string_view split, std::string_view split_file,
                                    FindCopy find_copy) {
  return IndexedDataset(read_dataset_index(root, split, split_file), std::move(find_copy));
}

RawSample IndexedDataset::read_sample(std::size_t shard, std::uint64_t sample) const {
  return read_sample(shard, sample, shards_.at(shard).path);
}

RawSample IndexedDataset::read_sample(std::size_t shard, std::uint64_t sample, const fs::path& copy) const {
  const IndexedShard& place = shards_.at(shard);
  ensure(sample < place.samples, "read_sample: no such sample");
  return with_context([&] { return fmt::format("{}, sample {}", copy.native(), sample); },
                      [&] {
                        const auto opened = open_shards_->get(shard, copy);
                        const std::uint64_t stored = place.stored_place(sample);
                        if (opened->offsets.size() != place.stored_samples() + 1)
                          throw data_error("its index has changed", kIndexAgain);
                        // The first sample begins at byte 0, as the reference has it: a global PAX header
                        // before it counts.
                        const std::uint64_t begin = stored == 0 ? 0 : opened->offsets[stored];
                        const std::uint64_t end = opened->offsets[stored + 1];
                        if (end - begin > kLargestSampleBytes)
                          throw data_error(fmt::format("it is {} bytes long, more than 4 GiB", end - begin));
                        return read_raw_sample({opened, &opened->file}, begin, end);
                      });
}

std::optional<Error> IndexedDataset::explain_failure(std::size_t shard) const {
  const IndexedShard& place = shards_.at(shard);
  open_shards_->forget(shard);
  const auto change = change_since(place.state, place.path);
  if (!change) return std::nullopt;
  return data_error(
      fmt::format("the shard {} cannot be read: {}", place.path.native(), *change),
      "put it back as it was, or run dfm_index FOLDER and start again from the last checkpoint");
}

std::uint32_t IndexedDataset::text_width() const {
  ensure(has_shapes(), "text_width: no shapes were recorded");
  return shapes_->file().text_width();
}

SampleShape IndexedDataset::shape(std::size_t shard, std::uint64_t sample) const {
  ensure(has_shapes(), "shape: none were recorded");
  const IndexedShard& place = shards_.at(shard);
  ensure(sample < place.samples, "shape: no such sample");
  return (*shapes_->rows(place.name))[place.stored_place(sample)];
}

}  // namespace dfm::data
