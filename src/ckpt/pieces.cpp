#include "ckpt/pieces.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"

namespace dfm::ckpt {
namespace {

constexpr const char* kShapeAttribute = "global_shape";

std::string key_of(const std::string& kind, const std::string& parameter) { return kind + "/" + parameter; }

// Negative for what is not a whole number.
std::int64_t parse_begin(std::string_view text) {
  std::int64_t begin = -1;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, begin);
  return error == std::errc{} && rest == end ? begin : -1;
}

}  // namespace

void write_pieces(const std::filesystem::path& path, const std::vector<Piece>& pieces) {
  const auto temporary = temporary_name(path);
  try {
    Hdf5File file = Hdf5File::create(temporary);
    for (const Piece& piece : pieces) {
      file.write(fmt::format("/{}/{}@{}", piece.kind, piece.parameter, piece.begin), piece.values,
                 {{kShapeAttribute, piece.global_shape}});
    }
    file.close();
    commit_durably(temporary, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
}

PieceReader::PieceReader(std::vector<std::filesystem::path> files) : paths_(std::move(files)) {
  files_.reserve(paths_.size());
}

bool PieceReader::open_next() {
  const std::size_t index = files_.size();
  if (index == paths_.size()) return false;
  files_.push_back(Hdf5File::open_to_read(paths_[index]));
  for (const std::string& kind : files_.back().members("/")) {
    for (const std::string& dataset : files_.back().members("/" + kind)) add(index, kind, dataset);
  }
  return true;
}

void PieceReader::add(std::size_t file, const std::string& kind, const std::string& dataset) {
  const auto at_sign = dataset.rfind('@');
  const std::int64_t begin = at_sign == std::string::npos ? -1 : parse_begin(dataset.substr(at_sign + 1));
  const std::string path = fmt::format("/{}/{}", kind, dataset);
  const std::int64_t count = files_[file].length(path);
  const Shape shape = files_[file].read_attribute(path, kShapeAttribute);
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
  if (count > 0) pieces_[key].try_emplace(begin, Stored{file, path, begin, count});
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
    files_[stored->file].read(stored->dataset, begin - stored->begin, out.first(count));
    begin += static_cast<std::int64_t>(count);
    out = out.subspan(count);
  }
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
