#include "ckpt/pieces.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "core/error.h"
#include "core/hash.h"

namespace dfm::ckpt {
using dfm::to_text;  // of a shape; the manifest has one too
namespace {

std::string key_of(const std::string& kind, const std::string& parameter) { return kind + "/" + parameter; }

// Negative for what is not a whole number.
std::int64_t parse_begin(std::string_view text) {
  std::int64_t begin = -1;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, begin);
  return error == std::errc{} && rest == end ? begin : -1;
}

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
  const std::uint64_t hash = is_open ? files_[index].content.finish() : hash_file(paths_[index]);
  if (hex(hash) != records_[index].xxh3) throw checksum_error(paths_[index]);
}

void PieceReader::add(std::size_t file, const std::string& kind, const std::string& dataset) {
  const auto at_sign = dataset.rfind('@');
  const std::int64_t begin = at_sign == std::string::npos ? -1 : parse_begin(dataset.substr(at_sign + 1));
  const std::string path = fmt::format("/{}/{}", kind, dataset);
  const std::int64_t count = files_[file].description.length(path);
  const Shape shape = files_[file].description.read_attribute(path, kShapeAttribute);
  if (begin < 0 || count < 0 || begin > element_count(shape) || count > element_count(shape) - begin) {
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
  if (count > 0)
    pieces_[key].try_emplace(begin,
                             Stored{file, path, begin, count, files_[file].description.plain_offset(path)});
}

const PieceReader::Stored* PieceReader::find(const std::string& key, std::int64_t at) const {
  const auto of_parameter = pieces_.find(key);
  if (of_parameter == pieces_.end()) return nullptr;
  auto after = of_parameter->second.upper_bound(at);
  if (after == of_parameter->second.begin()) return nullptr;
  const Stored& stored = std::prev(after)->second;
  return at < stored.begin + stored.count ? &stored : nullptr;
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
  const std::string key = key_of(kind, parameter);
  while (!out.empty()) {
    const Stored* stored = find(key, begin);
    while (stored == nullptr && open_next()) stored = find(key, begin);
    require_shape(key, parameter, global_shape);
    if (stored == nullptr) {
      throw data_error(
          fmt::format("the checkpoint holds no {} of {} from element {} on", kind, parameter, begin),
          "it was saved by another model, or without this part of the state");
    }
    const std::int64_t available = stored->begin + stored->count - begin;
    const auto count = std::min(out.size(), static_cast<std::size_t>(available));
    read_part(*stored, begin - stored->begin, out.first(count));
    begin += static_cast<std::int64_t>(count);
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
