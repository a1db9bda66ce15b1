// Where images with captions come from: a folder, or an archive (tar, tar.gz, zip, ...:
// media/archive_reader.h).
//
//   const Source source = open_source("flowers.tar.gz");  // names and captions: one rank reads them,
//   world.broadcast_text(to_text(source), 0);              // the others get them: source_from_text()
//
//   SourceReader reader(source);                           // then each rank reads its own images
//   while (reader.next()) {
//     if (mine(reader.index())) use(decode_image(reader.read(), reader.item().name));
//   }
//
// Items have a fixed order: in a folder their names sorted bytewise, in an archive their order there. Hidden
// names (a part begins with a dot), links and devices are left out, and nothing is written to disk. Where
// captions come from: media/captions.h.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::media {

struct Item {
  std::string name;  // relative, '/' between its parts, UTF-8, no "..", unique
  std::optional<std::string> caption;

  bool operator==(const Item&) const = default;
};

struct Source {
  std::filesystem::path path;
  std::vector<Item> items;
  std::vector<std::string> warnings;  // what was left out, and rows of caption tables that name no image

  bool operator==(const Source&) const = default;
};

// Reads names and captions, no images. A data error for an archive that is damaged, captions that are
// malformed, or no image at all; a storage error for a path that cannot be read.
Source open_source(const std::filesystem::path& path);

// A source as one string, for the ranks that did not read it, and back.
std::string to_text(const Source& source);
Source source_from_text(std::string_view text);

class ArchiveReader;

// Goes through the items in order and holds one image at a time. Its source must outlive it.
class SourceReader {
 public:
  explicit SourceReader(const Source& source);
  SourceReader(SourceReader&&) noexcept;
  ~SourceReader();

  // Goes on to the next item; false at the end. Cheap where the image is not read, but a compressed archive
  // must still be unpacked. A data error for an archive that is damaged here or has changed since it was
  // opened.
  bool next();

  std::size_t index() const { return next_ - 1; }
  const Item& item() const { return source_->items[index()]; }

  // The item's bytes as they are encoded; at most once. A data error for more than 256 MiB (4 GiB for a
  // video) and for damage that concerns this item alone: next() may follow.
  std::vector<std::byte> read();

 private:
  const Source* source_;
  std::unique_ptr<ArchiveReader> archive_;  // null for a folder
  std::size_t next_ = 0;
};

}  // namespace dfm::media
