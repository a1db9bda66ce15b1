#include "ckpt/pieces.h"

#include <algorithm>

#include <fmt/core.h>

#include "ckpt/piece_place.h"
#include "core/error.h"
#include "core/hash.h"

namespace dfm::ckpt {
using dfm::to_text;  // of a shape; the manifest has one too
namespace {

std::string key_of(const std::string& kind, const std::string& parameter) { return kind + "/" + parameter; }

Error checksum_error(const std::filesystem::path& path) {
  return data_error(fmt::format("{} does not have the checksum of the manifest", path.native()));
}

}  // namespace

PieceReader::PieceReader(std::vector<std::filesystem::path> files) : paths_(std::move(files)) {
  records_.resize(paths_.size());
  files_.reserve(paths_.size());
}

PieceReader::PieceReader(const std::filesystem::path& folder, std::vector<FileRecord> records,
                         std::size_t first)
    : records_(std::move(records)) {
  if (first < records_.size()) {
    std::rotate(records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(first), records_.end());
  }
  for (const FileRecord& record : records_) paths_.push_back(folder / record.name);
  files_.reserve(paths_.size());
}

bool PieceReader::open_next() {
  const std::size_t index = files_.size();
  if (index == paths_.size()) return false;
  VerifiedFile content(paths_[index]);
  require_head(content, index);
  files_.push_back({Hdf5File::open_to_read(paths_[index]), std::move(content)});
  const Hdf5File& description = files_.back().description;
  for (const std::string& kind : description.members("/")) {
    for (const std::string& dataset : description.members("/" + kind)) add(index, kind, dataset);
  }
  return true;
}

void PieceReader::require_head(VerifiedFile& content, std::size_t index) const {
  const FileRecord& record = records_[index];
  if (record.name.empty()) return;  // its checksum is not known
  std::uint64_t hash = 0;
  if (record.head_bytes > 0 && record.head_bytes < record.size_bytes) {
    std::vector<std::byte> head(record.head_bytes);
    content.read(0, head);
    hash = hash64(std::span<const std::byte>(head));
    if (hex(hash) == record.head_xxh3) return;
  } else if (hex(content.finish()) == record.xxh3) {
    return;
  }
  throw checksum_error(paths_[index]);
}

void PieceReader::require_checksum(const FileRecord& record) {
  const auto index = static_cast<std::size_t>(std::ranges::find(records_, record.name, &FileRecord::name) -
                                              records_.begin());
  ensure(index < records_.size(), "require_checksum: the reader has no such file");
  const bool is_open = index < files_.size();
  const std::uint64_t hash = is_open ? files_[index].content.finish() : VerifiedFile(paths_[index]).finish();
  if (hex(hash) != records_[index].xxh3) throw checksum_error(paths_[index]);
}

void PieceReader::add(std::size_t file, const std::string& kind, const std::string& dataset) {
  const auto at_sign = dataset.rfind('@');
  const std::string path = fmt::format("/{}/{}", kind, dataset);
  const std::int64_t count = files_[file].description.length(path);
  const Shape shape = files_[file].description.read_attribute(path, kShapeAttribute);
  const auto place =
      at_sign == std::string::npos ? std::nullopt : parse_place(dataset.substr(at_sign + 1), shape);
  if (!place || !holds(*place, shape, count)) {
    throw data_error(
        fmt::format("{} holds a dataset {} that is no piece of a tensor", paths_[file].native(), dataset));
  }
  const std::string key = key_of(kind, dataset.substr(0, at_sign));
  const auto [known, is_new] = shapes_.try_emplace(key, shape);
  if (!is_new && known->second != shape) {
    throw data_error(fmt::format("{} holds {} with shape {}, another file with {}", paths_[file].native(),
                                 key, to_text(shape), to_text(known->second)));
  }
  // An empty piece must not hide one that is not; of the files that hold the same, the first is read.
  if (count == 0) return;
  pieces_[key][place->stripe].try_emplace(
      place->begin, Stored{file, path, place->begin, count, files_[file].description.plain_offset(path)});
}

PieceReader::Found PieceReader::find(const Pieces& pieces, std::int64_t at) {
  auto after = pieces.upper_bound(at);
  if (at < 0 || after == pieces.begin()) return {};
  const Stored& stored = std::prev(after)->second;
  const std::int64_t first = at - stored.begin;
  return first < stored.count ? Found{&stored, first, stored.count - first} : Found{};
}

PieceReader::Found PieceReader::find(const std::string& key, const PieceRange& range) const {
  const auto of_parameter = pieces_.find(key);
  if (of_parameter == pieces_.end()) return {};
  const auto same = of_parameter->second.find(range.stripe);
  Found found = same == of_parameter->second.end() ? Found{} : find(same->second, range.begin);
  if (found.stored != nullptr) return found;
  // Cut in another way: as far as the elements are neighbours there and here.
  const std::int64_t global = range.stripe.global(range.begin);
  for (const auto& [stripe, pieces] : of_parameter->second) {
    const std::int64_t local = stripe.local(global);
    found = find(pieces, local);
    if (found.stored == nullptr) continue;
    found.count = std::min({found.count, stripe.run_from(local), range.stripe.run_from(range.begin)});
    return found;
  }
  return {};
}

void PieceReader::require_shape(const std::string& key, const std::string& parameter,
                                const Shape& shape) const {
  const auto known = shapes_.find(key);
  if (known == shapes_.end() || known->second == shape) return;
  throw data_error(fmt::format("{} has shape {} in the checkpoint and {} here", parameter,
                               to_text(known->second), to_text(shape)),
                   "use the configuration the checkpoint was saved with");
}

void PieceReader::read(const std::string& kind, const std::string& parameter, const Shape& global_shape,
                       std::int64_t begin, std::span<float> out) {
  read(kind, parameter, {global_shape, whole(element_count(global_shape)), begin}, out);
}

void PieceReader::read(const std::string& kind, const std::string& parameter, const PieceRange& range,
                       std::span<float> out) {
  const std::string key = key_of(kind, parameter);
  for (PieceRange rest = range; !out.empty();) {
    Found found = find(key, rest);
    while (found.stored == nullptr && open_next()) found = find(key, rest);
    require_shape(key, parameter, range.global_shape);
    if (found.stored == nullptr) {
      throw data_error(fmt::format("the checkpoint holds no {} of {} from element {} on", kind, parameter,
                                   rest.stripe.global(rest.begin)),
                       "it was saved by another model, or without this part of the state");
    }
    const auto count = std::min(out.size(), static_cast<std::size_t>(found.count));
    read_part(*found.stored, found.first, out.first(count));
    rest.begin += static_cast<std::int64_t>(count);
    out = out.subspan(count);
  }
}

void PieceReader::read_part(const Stored& stored, std::int64_t first, std::span<float> out) {
  OpenFile& file = files_[stored.file];
  if (!stored.offset) return file.description.read(stored.dataset, first, out);
  file.content.read(*stored.offset + static_cast<std::uint64_t>(first) * sizeof(float),
                    std::as_writable_bytes(out));
}

std::map<std::string, Shape> PieceReader::parameters(const std::string& kind) {
  while (open_next()) {
  }
  std::map<std::string, Shape> found;
  const std::string prefix = kind + "/";
  for (const auto& [key, shape] : shapes_) {
    if (key.starts_with(prefix)) found[key.substr(prefix.size())] = shape;
  }
  return found;
}

}  // namespace dfm::ckpt
