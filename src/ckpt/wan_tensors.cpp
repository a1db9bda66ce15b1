// Tensors of a WAN 2.1 from the names of one system to those of the other.
#include <map>

#include <fmt/core.h>

#include "ckpt/side_by_side.h"
#include "ckpt/wan_names.h"
#include "core/error.h"

namespace dfm::ckpt {
namespace {

// Every tensor is taken once.
class NamedTensors {
 public:
  explicit NamedTensors(std::vector<SourceTensor> tensors) {
    for (SourceTensor& tensor : tensors) tensors_.emplace(tensor.name, std::move(tensor));
  }

  SourceTensor take(const std::string& name, const Shape& shape) {
    auto node = tensors_.extract(name);
    if (node.empty()) throw data_error(fmt::format("{} is missing among the weights", name), kOtherModel);
    if (node.mapped().shape == shape) return std::move(node.mapped());
    throw data_error(fmt::format("{} is of {} instead of {}", name, dfm::to_text(node.mapped().shape),
                                 dfm::to_text(shape)),
                     kOtherModel);
  }

  void require_empty() const {
    if (tensors_.empty()) return;
    throw data_error(
        fmt::format("{} is no weight of this WAN ({} are not)", tensors_.begin()->first, tensors_.size()),
        kOtherModel);
  }

 private:
  static constexpr const char* kOtherModel = "the configuration and the weights are of different models";

  std::map<std::string, SourceTensor> tensors_;
};

SourceTensor named(SourceTensor tensor, const std::string& name) {
  tensor.name = name;
  return tensor;
}

Shape whole_shape(const WanName& name) {
  Shape shape = name.shape;
  shape.front() *= static_cast<std::int64_t>(name.theirs.size());
  return shape;
}

}  // namespace

std::vector<SourceTensor> wan_from_diffusers(std::vector<SourceTensor> tensors, const WanSizes& sizes) {
  NamedTensors given(std::move(tensors));
  std::vector<SourceTensor> made;
  for (const WanName& name : wan_names(sizes)) {
    std::vector<SourceTensor> parts;
    for (const std::string& theirs : name.theirs) parts.push_back(given.take(theirs, name.shape));
    const bool is_one = parts.size() == 1;
    made.push_back(named(is_one ? std::move(parts[0]) : side_by_side(parts, sizes.heads), name.ours));
  }
  given.require_empty();
  return made;
}

std::vector<SourceTensor> wan_to_diffusers(std::vector<SourceTensor> tensors, const WanSizes& sizes) {
  NamedTensors given(std::move(tensors));
  std::vector<SourceTensor> made;
  for (const WanName& name : wan_names(sizes)) {
    SourceTensor whole = given.take(name.ours, whole_shape(name));
    const auto count = static_cast<std::int64_t>(name.theirs.size());
    std::vector<SourceTensor> parts =
        count == 1 ? std::vector{std::move(whole)} : parts_in_heads(whole, count, sizes.heads);
    for (std::size_t i = 0; i < parts.size(); ++i) made.push_back(named(std::move(parts[i]), name.theirs[i]));
  }
  given.require_empty();
  return made;
}

}  // namespace dfm::ckpt
