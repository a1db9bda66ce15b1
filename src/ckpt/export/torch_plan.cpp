#include <fmt/core.h>

#include "ckpt/export/plan.h"
#include "data/pickle/torch_tensor.h"
#include "data/zip/crc.h"
#include "data/zip/plan.h"

namespace dfm::ckpt {
namespace {

// An entry whose content is known beforehand.
struct SmallEntry {
  std::size_t number;
  std::vector<std::byte> content;
};

class TorchArchive {
 public:
  explicit TorchArchive(const ExportContent& content) {
    std::vector<data::pickle::NamedTensor> tensors;
    for (const ExportItem& item : content.items)
      tensors.push_back({item.tensor->name, item.dtype, item.tensor->shape});
    add("data.pkl", data::pickle::state_dict_pickle(tensors));
    add("byteorder", "little");
    for (const auto& [key, value] : content.metadata) add(key, value);
    for (std::size_t i = 0; i < content.items.size(); ++i) {
      storages_.push_back(zip_.add(fmt::format("archive/data/{}", i), content.items[i].size_bytes()));
    }
    add("version", "3\n");
  }

  std::uint64_t storage_offset(std::size_t i) const { return zip_.content_offset(storages_[i]); }

  std::uint64_t size_bytes() const {
    return zip_.directory_offset() + zip_.directory(std::vector<std::uint32_t>(zip_.entries())).size();
  }

  // Everything but the storages.
  std::vector<FixedBytes> rest(const std::vector<std::uint32_t>& storage_crcs) const {
    std::vector<std::uint32_t> crcs(zip_.entries());
    for (std::size_t i = 0; i < storages_.size(); ++i) crcs[storages_[i]] = storage_crcs[i];
    std::vector<FixedBytes> rest;
    for (const SmallEntry& entry : small_) {
      crcs[entry.number] = data::crc32_of(entry.content);
      rest.push_back({zip_.content_offset(entry.number), entry.content});
    }
    for (std::size_t i = 0; i < crcs.size(); ++i)
      rest.push_back({zip_.header_offset(i), zip_.header(i, crcs[i])});
    rest.push_back({zip_.directory_offset(), zip_.directory(crcs)});
    return rest;
  }

 private:
  void add(const std::string& name, std::vector<std::byte> content) {
    const std::size_t number = zip_.add("archive/" + name, content.size());
    small_.push_back({number, std::move(content)});
  }
  void add(const std::string& name, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    add(name, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }

  data::ZipPlan zip_;
  std::vector<SmallEntry> small_;
  std::vector<std::size_t> storages_;  // numbers of entries
};

}  // namespace

Plan plan_torch_file(const ExportContent& content) {
  const auto archive = std::make_shared<const TorchArchive>(content);
  Plan plan;
  plan.files.push_back({"", archive->size_bytes(), {}, nullptr});
  for (std::size_t i = 0; i < content.items.size(); ++i) {
    const ExportItem& item = content.items[i];
    plan.places.push_back(
        {item.tensor, item.dtype, 0, element_count(item.tensor->shape), 0, archive->storage_offset(i)});
  }
  plan.finish = [archive](const std::vector<std::uint32_t>& crcs) { return archive->rest(crcs); };
  return plan;
}

}  // namespace dfm::ckpt
