#include "data/loader/energon_source.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/core.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "data/energon/dataset_metadata.h"
#include "data/energon/indexed_dataset.h"
#include "data/energon/split_shards.h"
#include "data/energon/tar_index.h"
#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

constexpr float kGreatestMagnitude = 1000;

// Some writers put the dot into the part's name: KEY..pth (spec/nemo_diffusion.md section 5.1).
const RawPart& part_of(const RawSample& raw, const std::string& extension) {
  const RawPart* part = raw.find(extension);
  if (part == nullptr) part = raw.find("." + extension);
  if (part != nullptr) return *part;
  throw data_error(fmt::format("it has no .{} part", extension), "prepare the data with dfm_prepare");
}

Array without_leading_ones(Array array, std::size_t rank) {
  while (array.shape.size() > rank && array.shape.front() == 1) array.shape.erase(array.shape.begin());
  if (array.shape.size() != rank) {
    throw data_error(fmt::format("a tensor has the shape {}, not {} axes", to_text(array.shape), rank));
  }
  return array;
}

void require_sane(const Array& array, const char* what) {
  const auto is_wild = [](float x) { return !(std::fabs(x) <= kGreatestMagnitude); };
  if (std::ranges::any_of(to_floats(array), is_wild)) {
    throw data_error(
        fmt::format("its {} holds numbers that are not finite or above {}", what, kGreatestMagnitude));
  }
}

// Numbers samples through all shards.
struct Numbering {
  std::vector<std::int64_t> begins;  // of the shards, with the total
  std::pair<std::size_t, std::uint64_t> place_of(std::int64_t sample) const {
    const auto shard =
        static_cast<std::size_t>(std::ranges::upper_bound(begins, sample) - begins.begin() - 1);
    return {shard, static_cast<std::uint64_t>(sample - begins[shard])};
  }
};

// The copy of a shard, where its index has arrived, too.
std::optional<std::filesystem::path> copy_of(const std::filesystem::path& shard, const NearbyCopies& copies) {
  if (!copies.find || !copies.find(tar_index_path(shard))) return std::nullopt;
  return copies.find(shard);
}

RawSample read_nearest(const IndexedDataset& dataset, const NearbyCopies& copies, std::size_t shard,
                       std::uint64_t sample) {
  const std::filesystem::path& path = dataset.shards()[shard].path;
  const auto copy = copy_of(path, copies);
  if (!copy) return dataset.read_sample(shard, sample);
  try {
    return dataset.read_sample(shard, sample, *copy);
  } catch (const Error& error) {
    RawSample read = dataset.read_sample(shard, sample);  // throws where the shard itself is at fault
    copies.give_up(path);
    // At the end of a run, copies may be removed while a thread still reads ahead.
    if (std::filesystem::exists(*copy)) log::warn("{}: reading {} again", error.what(), path.native());
    return read;
  }
}

}  // namespace

Sample decode_sample(const RawSample& raw) {
  try {
    Sample sample;
    sample.key = raw.key;
    sample.latent = without_leading_ones(read_pth(part_of(raw, "pth").bytes, raw.key + ".pth"), 4);
    sample.text =
        without_leading_ones(read_pickled_array(part_of(raw, "pickle").bytes, raw.key + ".pickle"), 2);
    sample_shapes(sample.latent.shape, sample.text.shape);  // refuses dimensions of 0
    require_sane(sample.latent, "latent");
    require_sane(sample.text, "text");
    return sample;
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("sample {} cannot be used: {}", raw.key, error.what()),
                error.hint());
  }
}

SampleSource energon_source(const std::filesystem::path& root, std::string_view split,
                            const NearbyCopies& copies) {
  const auto dataset = std::make_shared<const IndexedDataset>(IndexedDataset::open(root, split));
  if (!dataset->has_shapes()) {
    throw data_error(fmt::format("{} has no record of the samples' shapes", root.native()),
                     fmt::format("run dfm_index {}", root.native()));
  }
  SampleSource source;
  Numbering numbering{{0}};
  for (const IndexedShard& shard : dataset->shards()) {
    source.samples_in_shard.push_back(static_cast<std::int64_t>(shard.samples));
    numbering.begins.push_back(numbering.begins.back() + source.samples_in_shard.back());
  }
  source.text_width = dataset->text_width();
  source.fingerprint = hex(dataset->fingerprint());
  source.shape = [dataset, numbering](std::int64_t sample) {
    const auto [shard, index] = numbering.place_of(sample);
    return dataset->shape(shard, index);
  };
  source.read = [dataset, numbering, copies](std::int64_t sample) {
    const auto [shard, index] = numbering.place_of(sample);
    return decode_sample(read_nearest(*dataset, copies, shard, index));
  };
  return source;
}

std::vector<std::string> files_of_split(const std::filesystem::path& root, std::string_view split) {
  std::vector<std::string> names;
  for (const IndexedShard& shard : read_split(root, split)) {
    names.push_back(tar_index_path(shard.path).lexically_relative(root).generic_string());
    names.push_back(shard.name);
  }
  return names;
}

bool has_samples(const std::filesystem::path& root, std::string_view split) {
  const Splits splits = read_splits(root);
  const SplitPart* const part = splits.find(split);
  return part != nullptr && !part->shards.empty();
}

}  // namespace dfm::data
