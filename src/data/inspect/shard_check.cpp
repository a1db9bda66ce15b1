#include "data/inspect/shard_check.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/energon/shard_record.h"
#include "data/energon/tar_index.h"
#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFindings = 20;
constexpr std::uint64_t kLargestTensorBytes = std::uint64_t{4} << 30U;

// The shard as its headers say it, and what has been found wrong so far.
class Checker {
 public:
  Checker(const fs::path& root, const ShardCount& listed, const ShapeReader& read_shapes)
      : root_(root),
        listed_(listed),
        read_shapes_(read_shapes),
        file_(File::open_to_read(root / listed.name)) {}

  void scan() {
    scan_ = scan_shard(file_, [&](const ShardSample& sample) {
      check_.parts += sample.parts.size();
      samples_.push_back(sample);
      recorded_.add(sample);
      shapes_.push_back(shape_of_sample(file_, sample, read_shapes_));
    });
    check_.samples = samples_.size();
    check_.bytes = file_.size();
    if (check_.samples != listed_.samples)
      report(fmt::format("it holds {} samples, .info.json says {}", check_.samples, listed_.samples));
  }

  void compare_index() {
    const auto offsets = read_tar_index(root_ / listed_.name, file_.size());
    if (offsets.size() != scan_.offsets.size())
      report(fmt::format(".tar.idx has {} samples, the shard {}", offsets.size() - 1, check_.samples));
    for (std::size_t i = 0; i < std::min(offsets.size(), scan_.offsets.size()); ++i) {
      if (offsets[i] != scan_.offsets[i])
        report(fmt::format(".tar.idx places sample {} at byte {}, it is at {}", i, offsets[i],
                           scan_.offsets[i]));
    }
  }

  void compare_tables(SampleTableReader& tables, std::size_t place) {
    const auto rows = tables.samples_of(place);
    if (rows.size() != samples_.size())
      report(fmt::format("index.sqlite has {} samples, the shard {}", rows.size(), samples_.size()));
    for (std::size_t i = 0; i < std::min(rows.size(), samples_.size()); ++i) {
      const SampleRow right{samples_[i].key, place, i, scan_.offsets[i],
                            scan_.offsets[i + 1] - scan_.offsets[i]};
      if (!(rows[i] == right))
        report(fmt::format("index.sqlite has sample {} as {} at byte {}, it is {} at {}", i,
                           printable(rows[i].key), rows[i].offset, printable(right.key), right.offset));
    }
    if (tables.has_parts()) compare_parts(tables.parts_of(place));
  }

  void compare_record() {
    const auto record = read_any_record(root_, listed_.name);
    if (!record) return;
    const auto& stamp = record->stamp;
    if (stamp.size_bytes != file_.size())
      report(
          fmt::format("it was {} bytes long when it was indexed, it is {}", stamp.size_bytes, file_.size()));
    if (hash_of_samples(recorded_.take(), scan_.offsets) != record->summary.samples_hash)
      report("its keys, parts and offsets are not those that were recorded (.nv-meta/dfm_rows)");
    if (stamp.has_shapes && record->shapes != shapes_)
      report("its recorded shapes are not those of its tensors");
  }

  void compare_shapes(const ShapesFile& shapes) {
    const ShapesOfShard* const entry = shapes.find(listed_.name);
    if (entry == nullptr) return report("dfm_shapes.bin does not have it");
    const auto rows = shapes.read_rows(listed_.name);
    for (std::size_t i = 0; i < std::min(rows.size(), shapes_.size()); ++i) {
      if (!(rows[i] == shapes_[i])) report(fmt::format("dfm_shapes.bin has another shape of sample {}", i));
    }
    if (rows.size() != shapes_.size())
      report(fmt::format("dfm_shapes.bin has {} samples, the shard {}", rows.size(), shapes_.size()));
  }

  // Reads the latents that have checksums of their own.
  void read_tensors() {
    for (const ShardSample& sample : samples_) {
      const auto latent = find_part(sample.parts, kLatentParts);
      if (latent && latent.kind->format == TensorFormat::torch && !latent.part->is_sparse)
        read_tensor(sample, *latent.part);
    }
  }

  void report(std::string finding) {
    if (++count_ <= kMostFindings)
      check_.findings.push_back(printable(listed_.name) + ": " + std::move(finding));
  }

  ShardCheck take() {
    if (count_ > kMostFindings)
      check_.findings.push_back(
          fmt::format("{}: and {} more", printable(listed_.name), count_ - kMostFindings));
    return std::move(check_);
  }

 private:
  void compare_parts(const std::vector<PartRow>& rows) {
    std::size_t place = 0;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      for (const SamplePart& part : samples_[i].parts) {
        const PartRow right{i, part.extension, part.content_offset, part.content_size};
        if (place >= rows.size() || !(rows[place] == right))
          return report(fmt::format("index.sqlite has another part than {}.{} at byte {}",
                                    printable(samples_[i].key), printable(part.extension),
                                    part.content_offset));
        ++place;
      }
    }
    if (place != rows.size())
      report(fmt::format("index.sqlite has {} parts, the shard {}", rows.size(), place));
  }

  void read_tensor(const ShardSample& sample, const SamplePart& part) {
    ++check_.tensors;
    try {
      if (part.content_size > kLargestTensorBytes) throw data_error("it is longer than 4 GiB");
      std::vector<std::byte> bytes(part.content_size);
      file_.read_exactly(bytes, part.content_offset);
      read_pth(bytes, fmt::format("{}.{}", printable(sample.key), printable(part.extension)));
    } catch (const Error& error) {
      if (error.kind() != ExitCode::data) throw;
      report(error.what());
    }
  }

  const fs::path& root_;
  const ShardCount& listed_;
  const ShapeReader& read_shapes_;
  File file_;
  ShardScan scan_;
  std::vector<ShardSample> samples_;
  RecordedSamples recorded_;
  std::vector<SampleShape> shapes_;
  std::size_t count_ = 0;
  ShardCheck check_;
};

}  // namespace

SampleTableReader* CommonRecords::tables() {
  if (!tables_ && SampleTableReader::exists(root_)) tables_.emplace(root_);
  return tables_ ? &*tables_ : nullptr;
}

const ShapesFile* CommonRecords::shapes() {
  if (!shapes_ && ShapesFile::exists(root_)) shapes_.emplace(ShapesFile::open(root_));
  return shapes_ ? &*shapes_ : nullptr;
}

ShardCheck check_shard(CommonRecords& common, std::size_t place, const ShardCount& listed,
                       const ShapeReader& read_shapes) {
  ShardCheck failed;
  try {
    Checker checker(common.root(), listed, read_shapes);
    const auto guarded = [&](auto&& step) {
      try {
        step();
      } catch (const Error& error) {
        checker.report(error.what());
      }
    };
    checker.scan();
    guarded([&] { checker.compare_index(); });
    guarded([&] {
      if (SampleTableReader* const tables = common.tables()) checker.compare_tables(*tables, place);
    });
    guarded([&] { checker.compare_record(); });
    guarded([&] {
      if (const ShapesFile* const shapes = common.shapes()) checker.compare_shapes(*shapes);
    });
    guarded([&] {
      if (ShapesFile::exists(common.root())) checker.read_tensors();
    });
    return checker.take();
  } catch (const Error& error) {
    failed.findings.push_back(fmt::format("{}: {}", printable(listed.name), error.what()));
    return failed;
  }
}

}  // namespace dfm::data
