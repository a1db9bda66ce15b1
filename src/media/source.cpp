#include "media/source.h"

#include <cerrno>
#include <system_error>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/units.h"
#include "media/archive_reader.h"
#include "media/captions.h"
#include "media/entry_name.h"
#include "media/listing.h"

namespace dfm::media {
namespace fs = std::filesystem;
namespace {

// Of the file as it is encoded.
std::uint64_t longest_bytes(std::string_view name) {
  return is_video_name(name) ? std::uint64_t{4} << 30U : std::uint64_t{256} << 20U;
}

Listing list(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::directory) return list_folder(path);
  if (type == fs::file_type::regular) return list_archive(path);
  if (error) throw system_error("open", path.native(), error.value());
  throw data_error(fmt::format("{} is neither a folder nor a file", path.native()));
}

std::vector<std::byte> read_file(const fs::path& path) {
  const File file = File::open_to_read(path);
  const std::uint64_t size = file.size();
  if (size > longest_bytes(path.native())) {
    throw data_error(
        fmt::format("{} is longer than {}", path.native(), format_bytes(longest_bytes(path.native()))));
  }
  std::vector<std::byte> bytes(size);
  file.read_exactly(bytes, 0);
  return bytes;
}

}  // namespace

Source open_source(const fs::path& path) {
  Listing listing = list(path);
  if (listing.images.empty()) {
    throw data_error(
        fmt::format("{} holds no images or videos", path.native()),
        "they are found by their extension: png, jpg, jpeg, webp, bmp, tif, tiff, gif; mp4, mov, webm");
  }
  auto captions = find_captions(listing);
  Source source{path, {}, std::move(listing.warnings).take()};
  source.items.reserve(captions.size());
  for (std::size_t i = 0; i < captions.size(); ++i) {
    source.items.push_back({std::move(listing.images[i]), std::move(captions[i])});
  }
  return source;
}

std::string to_text(const Source& source) {
  Json items = Json::array();
  for (const Item& item : source.items) {
    items.push_back(item.caption ? Json::array({item.name, *item.caption}) : Json::array({item.name}));
  }
  std::string text;
  Json::to_cbor(Json::array({source.path.native(), std::move(items), source.warnings}), text);
  return text;
}

Source source_from_text(std::string_view text) {
  try {
    const Json json = Json::from_cbor(text);
    Source source{json.at(0).get<std::string>(), {}, json.at(2).get<std::vector<std::string>>()};
    for (const Json& item : json.at(1)) {
      source.items.push_back({item.at(0).get<std::string>(), std::nullopt});
      if (item.size() > 1) source.items.back().caption = item.at(1).get<std::string>();
    }
    return source;
  } catch (const Json::exception& error) {
    throw internal_error(fmt::format("a source's text cannot be read: {}", error.what()));
  }
}

SourceReader::SourceReader(const Source& source) : source_(&source) {
  std::error_code ignored;
  if (!fs::is_directory(source.path, ignored)) archive_ = std::make_unique<ArchiveReader>(source.path);
}

SourceReader::SourceReader(SourceReader&&) noexcept = default;
SourceReader::~SourceReader() = default;

bool SourceReader::next() {
  if (next_ == source_->items.size()) return false;
  const std::string& name = source_->items[next_++].name;
  while (archive_) {
    if (!archive_->next()) {
      throw data_error(fmt::format("{} has changed: '{}' is gone", source_->path.native(), name));
    }
    if (archive_->is_file() && clean_name(archive_->name()) == name) break;
  }
  return true;
}

std::vector<std::byte> SourceReader::read() {
  return archive_ ? archive_->read(longest_bytes(item().name)) : read_file(source_->path / item().name);
}

}  // namespace dfm::media
