#include "data/energon/shard_result.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "data/energon/shapes_file.h"
#include "data/energon/shard_record.h"
#include "data/energon/tar_index.h"
#include "data/tensor/tensor_parts.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostExamples = 3;

// Gathers what is known of each sample, in their order.
class SampleNotes {
 public:
  SampleNotes(const File& shard, std::string name, const ShapeReader& read_shapes)
      : shard_(shard), name_(std::move(name)), read_shapes_(read_shapes) {}

  void add(const ShardSample& sample) {
    samples_.add(sample);
    if (read_shapes_) add_shape(sample);
  }

  ShardResult take() {
    result_.summary.rows_hash = hash_of_rows(result_.rows);
    result_.samples = samples_.take();
    return std::move(result_);
  }

 private:
  void add_shape(const ShardSample& sample) {
    const SamplePart* const latent = find_part(sample.parts, kLatentParts).part;
    const SamplePart* const text = find_part(sample.parts, kTextParts).part;
    SampleShape row;
    if (latent == nullptr || text == nullptr) {  // no exception: a data set of another kind has nothing else
      note_unreadable(sample.key, latent == nullptr ? "has no pth part" : "has no pickle part");
    } else {
      row = shape_of(sample.key, *latent, *text);
    }
    result_.rows.push_back(row);
  }

  SampleShape shape_of(const std::string& key, const SamplePart& pth, const SamplePart& pickle) {
    ++result_.summary.samples_with_tensors;
    try {
      if (pth.is_sparse || pickle.is_sparse)
        throw data_error("is stored as a sparse file: pack it without holes");
      const TensorShapes shapes = read_shapes_(shard_, pth, pickle);
      note_width(shapes.text_width, key);
      return shapes.shape;
    } catch (const Error& error) {
      if (error.kind() != ExitCode::data) throw;
      note_unreadable(key, error.what());
      return {};
    }
  }

  void note_width(std::uint32_t width, const std::string& key) {
    auto& widths = result_.summary.text_widths;
    if (widths.size() < 2 && std::ranges::find(widths, width, &TextWidth::width) == widths.end()) {
      widths.push_back({width, fmt::format("{} of {}", printable(key), name_)});
    }
  }

  void note_unreadable(const std::string& key, std::string_view reason) {
    ++result_.summary.samples_without_shape;
    auto& examples = result_.summary.unreadable;
    if (examples.size() < kMostExamples)
      examples.push_back(fmt::format("{} of {}: {}", printable(key), name_, reason));
  }

  const File& shard_;
  std::string name_;
  const ShapeReader& read_shapes_;
  RecordedSamples samples_;
  ShardResult result_;
};

ShardResult skipped(const Error& error) {
  ShardResult result;
  result.summary.skip_reason =
      error.hint().empty() ? error.what() : fmt::format("{} ({})", error.what(), error.hint());
  return result;
}

}  // namespace

ShardResult read_shard(const fs::path& root, const std::string& name, const ShapeReader& read_shapes,
                       const std::optional<MediaFilter>& media) {
  ShardScan scan;
  ShardResult result;
  MediaOfShard found;
  try {
    const File shard = File::open_to_read(root / name);
    SampleNotes notes(shard, name, read_shapes);
    scan = scan_shard(shard, [&](const ShardSample& sample) {
      notes.add(sample);
      if (media) add_media(shard, sample, *media, found);
    });
    result = notes.take();
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data && error.kind() != ExitCode::storage) throw;
    return skipped(error);
  }
  result.media = to_text(found.rows);
  result.summary.media_rows = found.rows.size();
  result.summary.media_unread = found.unread;
  result.summary.first_unread_media = found.first_unread;
  result.summary.samples = scan.sample_count();
  result.summary.end_offset = scan.offsets.back();
  result.summary.samples_hash = hash_of_samples(result.samples, scan.offsets);
  result.summary.lost_bytes = scan.lost_bytes;
  result.summary.extensions.assign(scan.extensions.begin(), scan.extensions.end());
  for (const std::string& warning : scan.warnings)
    result.summary.warnings.push_back(fmt::format("{}: {}", name, warning));
  result.offsets = std::move(scan.offsets);
  return result;
}

SampleShape shape_of_sample(const File& shard, const ShardSample& sample, const ShapeReader& read_shapes) {
  const SamplePart* const pth = find_part(sample.parts, kLatentParts).part;
  const SamplePart* const pickle = find_part(sample.parts, kTextParts).part;
  if (pth == nullptr || pickle == nullptr || pth->is_sparse || pickle->is_sparse) return {};
  try {
    return read_shapes(shard, *pth, *pickle).shape;
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data) throw;
    return {};
  }
}

std::string media_stamp(const std::optional<MediaFilter>& media) {
  constexpr const char* kKinds = "pictures, sound, video";  // what rows are made of
  return media ? fmt::format("{} {} {}", kKinds, media->strategy_name(), media->joined_patterns()) : "";
}

FoundShard find_changed_shard(const fs::path& root, const std::string& name, const ShapeReader& read_shapes,
                              bool rescan, const std::optional<MediaFilter>& media) {
  ShardStamp stamp;
  try {
    stamp = shard_stamp(root, name);
  } catch (const Error& error) {
    return {{skipped(error).summary, true}, {}, {}};
  }
  stamp.has_shapes = static_cast<bool>(read_shapes);
  stamp.media = media_stamp(media);
  if (const auto record = rescan ? std::nullopt : read_record(root, stamp))
    return {{record->summary, false}, {}, {}};
  ShardResult result = read_shard(root, name, read_shapes, media);
  FoundShard found{{result.summary, true}, {}, std::move(result.offsets)};
  if (!result.summary.skip_reason.empty()) return found;
  found.record = ShardRecord{std::move(stamp), std::move(result.summary), std::move(result.samples),
                             std::move(result.rows), std::move(result.media)};
  return found;
}

void write_down(const fs::path& root, const FoundShard& shard) {
  if (!shard.record) return;
  write_tar_index(root / shard.record->stamp.name, shard.offsets);
  write_record(root, *shard.record);
}

}  // namespace dfm::data
