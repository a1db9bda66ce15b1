#include "data/loader/blended_source.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "data/loader/indexed_folder.h"

namespace dfm::data {
namespace {

// A folder with its samples in the blend.
struct OpenedPart {
  const BlendedFolder* place;
  std::shared_ptr<const IndexedDataset> dataset;
  std::int64_t begin = 0, end = 0;

  std::int64_t samples() const { return end - begin; }
};

// A folder that is named more than once is opened once.
std::vector<OpenedPart> open_parts(const SourceIndex& index, const NearbyCopies& copies) {
  std::map<const DatasetIndex*, std::shared_ptr<const IndexedDataset>> opened;
  std::vector<OpenedPart> parts;
  for (std::size_t i = 0; i < index.folders.size(); ++i) {
    const BlendedFolder& place = index.blend->folders.at(i);
    auto& dataset = opened[index.folders[i].get()];
    if (dataset == nullptr) dataset = open_folder(*index.folders[i], copies);
    const auto [begin, end] = range_of(place.subset, static_cast<std::int64_t>(dataset->sample_count()));
    parts.push_back({&place, dataset, begin, end});
  }
  return parts;
}

void require_equal_texts(const std::vector<OpenedPart>& parts) {
  const std::int64_t width = text_width_of(*parts.front().dataset);
  for (const OpenedPart& part : parts) {
    const std::int64_t other = text_width_of(*part.dataset);
    if (other == width) continue;
    throw data_error(
        fmt::format("the text embeddings of {} are {} wide, those of {} {}", part.place->folder.native(),
                    other, parts.front().place->folder.native(), width),
        "blend only data sets that were prepared with the same text encoder");
  }
}

// How often each part is drawn in an epoch of the blend.
std::vector<std::int64_t> draws_of(const Metadataset& blend, const std::vector<OpenedPart>& parts) {
  std::vector<std::int64_t> draws;
  std::vector<double> weights;
  for (const OpenedPart& part : parts) {
    draws.push_back(static_cast<std::int64_t>(static_cast<double>(part.samples()) * part.place->repetitions));
    weights.push_back(part.samples() > 0 ? part.place->weight : 0);
  }
  const bool has_any = std::ranges::any_of(
      blend.mode == BlendMode::weights ? weights : std::vector<double>(draws.begin(), draws.end()),
      [](double amount) { return amount > 0; });
  if (!has_any) throw data_error("the blend leaves no sample to train on", "correct its weights and subsets");
  return blend.mode == BlendMode::weights ? draws_of_weights(weights) : draws;
}

std::string fingerprint_of(const std::vector<OpenedPart>& parts, const std::vector<std::int64_t>& draws) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += fmt::format("{:x} {} {} {}\n", parts[i].dataset->fingerprint(), parts[i].begin, parts[i].end,
                        draws[i]);
  }
  return hex(hash64(text));
}

std::string described(const Subflavors& subflavors) {
  std::string text;
  for (const auto& [name, value] : subflavors) text += fmt::format(", {}={}", name, value);
  return text;
}

void announce(const std::vector<OpenedPart>& parts, const std::vector<std::int64_t>& draws) {
  double sum = 0;
  for (const std::int64_t count : draws) sum += static_cast<double>(count);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    log::info("blend: {:.2f} % from {} ({}, {} samples{})", 100 * static_cast<double>(draws[i]) / sum,
              parts[i].place->folder.native(), parts[i].place->split, parts[i].samples(),
              described(parts[i].place->subflavors));
  }
}

}  // namespace

SampleSource blended_source(const SourceIndex& index, const SourceSettings& settings) {
  const std::vector<OpenedPart> parts = open_parts(index, settings.copies);
  require_equal_texts(parts);
  const std::vector<std::int64_t> draws = draws_of(*index.blend, parts);
  std::vector<ShardRun> runs;
  std::vector<BlendPart> order;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto more = runs_of(parts[i].dataset, parts[i].begin, parts[i].end);
    runs.insert(runs.end(), more.begin(), more.end());
    order.push_back({more.size(), draws[i]});
  }
  announce(parts, draws);
  SampleSource source = source_of(std::move(runs), settings);
  source.blend = std::move(order);
  source.text_width = text_width_of(*parts.front().dataset);
  source.fingerprint = fingerprint_of(parts, draws);
  return source;
}

}  // namespace dfm::data
