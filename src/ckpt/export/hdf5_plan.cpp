#include <algorithm>

#include <fmt/core.h>

#include "ckpt/export/hdf5_skeleton.h"
#include "ckpt/export/plan.h"

namespace dfm::ckpt {
namespace {

constexpr std::uint64_t kDatasetHeaderBytes = 544;  // about what the library takes for each

std::uint64_t estimated_bytes(const std::vector<Hdf5Dataset>& datasets) {
  std::uint64_t bytes = 0;
  for (const Hdf5Dataset& dataset : datasets) {
    if (dataset.has_place)
      bytes += static_cast<std::uint64_t>(element_count(dataset.extent)) * size_of(dataset.dtype);
    bytes += kDatasetHeaderBytes;
  }
  return bytes;
}

PlannedFile skeleton_file(std::string name, std::vector<Hdf5Dataset> datasets,
                          std::map<std::string, std::string> texts) {
  PlannedFile file{std::move(name), estimated_bytes(datasets), {}, nullptr};
  file.make = [datasets = std::move(datasets), texts = std::move(texts)](const std::filesystem::path& path) {
    std::vector<std::uint64_t> offsets = make_hdf5_skeleton(path, datasets, texts);
    std::vector<std::uint64_t> placed;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      if (datasets[i].has_place) placed.push_back(offsets[i]);
    }
    return placed;
  };
  return file;
}

// The element of the concatenated tensors with which a rank begins.
std::int64_t boundary(std::int64_t total, int rank, int ranks) {
  return static_cast<std::int64_t>(static_cast<__int128>(total) * rank / ranks);
}

struct RankRange {
  std::int64_t begin, end;  // in the concatenated tensors of a kind
};

// The pieces of one kind that a rank owns.
class RankFile {
 public:
  RankFile(Plan& plan, int rank, int ranks) : plan_(plan), rank_(rank), ranks_(ranks) {}

  void add_kind(const std::vector<const SourceTensor*>& tensors, const std::string& kind, bool has_place) {
    std::int64_t total = 0;
    for (const SourceTensor* tensor : tensors) total += element_count(tensor->shape);
    const RankRange mine{boundary(total, rank_, ranks_), boundary(total, rank_ + 1, ranks_)};
    std::int64_t at = 0;
    for (const SourceTensor* tensor : tensors) {
      const std::int64_t count = element_count(tensor->shape);
      const std::int64_t begin = std::clamp(mine.begin - at, std::int64_t{0}, count);
      const std::int64_t end = std::clamp(mine.end - at, std::int64_t{0}, count);
      const bool is_empty_tensor = count == 0 && rank_ == 0;
      if (end > begin || is_empty_tensor) add_piece(*tensor, kind, begin, end - begin, has_place);
      at += count;
    }
  }

  PlannedFile file() && {
    return skeleton_file(fmt::format("rank_{:05}.h5", rank_), std::move(datasets_), {});
  }

 private:
  void add_piece(const SourceTensor& tensor, const std::string& kind, std::int64_t begin, std::int64_t count,
                 bool has_place) {
    datasets_.push_back({fmt::format("/{}/{}@{}", kind, tensor.name, begin),
                         DType::float32,
                         {count},
                         {{"global_shape", tensor.shape}},
                         has_place});
    if (has_place) plan_.places.push_back({&tensor, DType::float32, begin, count, plan_.files.size(), 0});
  }

  Plan& plan_;
  int rank_, ranks_;
  std::vector<Hdf5Dataset> datasets_;
};

std::vector<const SourceTensor*> of_kind(const std::vector<SourceTensor>& tensors, const std::string& kind) {
  std::vector<const SourceTensor*> found;
  for (const SourceTensor& tensor : tensors) {
    if (tensor.kind == kind) found.push_back(&tensor);
  }
  return found;
}

}  // namespace

Plan plan_hdf5(const ExportContent& content) {
  Plan plan;
  std::vector<Hdf5Dataset> datasets;
  for (const ExportItem& item : content.items) {
    datasets.push_back({"/" + item.tensor->name, item.dtype, item.tensor->shape, {}, true});
    plan.places.push_back({item.tensor, item.dtype, 0, element_count(item.tensor->shape), 0, 0});
  }
  plan.files.push_back(skeleton_file("", std::move(datasets), content.metadata));
  return plan;
}

Plan plan_checkpoint(const std::vector<SourceTensor>& tensors, int ranks,
                     const std::vector<std::string>& zero_kinds) {
  Plan plan;
  for (int rank = 0; rank < ranks; ++rank) {
    RankFile file(plan, rank, ranks);
    for (const char* const kind : {kWeights, kFirstMoment, kSecondMoment, kMovingAverage}) {
      file.add_kind(of_kind(tensors, kind), kind, true);
    }
    for (const std::string& kind : zero_kinds) file.add_kind(of_kind(tensors, kWeights), kind, false);
    plan.files.push_back(std::move(file).file());
  }
  return plan;
}

}  // namespace dfm::ckpt
