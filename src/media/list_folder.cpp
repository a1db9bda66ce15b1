#include <algorithm>
#include <system_error>
#include <unordered_set>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "core/units.h"
#include "media/captions.h"
#include "media/entry_name.h"
#include "media/listing.h"

namespace dfm::media {
namespace fs = std::filesystem;
namespace {

// Why a file is left out; null where nothing speaks against it.
const char* objection(fs::file_type type, const std::string& name) {
  if (!is_utf8(name)) return "its name is not UTF-8";
  return type == fs::file_type::regular ? nullptr : "it is not a regular file";
}

void add_file(const fs::directory_entry& file, Listing& listing, std::vector<std::string>& texts) {
  std::error_code ignored;
  const fs::file_type type = file.symlink_status(ignored).type();
  if (type == fs::file_type::directory) return;
  const std::string name = file.path().lexically_relative(listing.root).generic_string();
  const bool is_image = is_image_name(name) || is_video_name(name);
  const bool is_linked_folder = type == fs::file_type::symlink && fs::is_directory(file.path(), ignored);
  if (!is_image && longest_text_bytes(name) == 0 && !is_linked_folder) return;
  if (const char* const reason = objection(type, name)) {
    listing.warnings.add(fmt::format("{} is left out: {}", printable(name), reason));
  } else {
    (is_image ? listing.images : texts).push_back(name);
  }
}

// The names of all texts; images and warnings go to the listing.
std::vector<std::string> walk(Listing& listing) {
  std::vector<std::string> texts;
  std::error_code error;
  fs::recursive_directory_iterator entry(listing.root, error);
  while (!error && entry != fs::recursive_directory_iterator()) {
    if (is_hidden(entry->path().filename().native())) {
      entry.disable_recursion_pending();
    } else {
      add_file(*entry, listing, texts);
    }
    entry.increment(error);
  }
  if (error) throw system_error("list", listing.root.native(), error.value());
  return texts;
}

void read_text_into(Listing& listing, const std::string& name) {
  const fs::path path = listing.root / name;
  const std::uint64_t limit_bytes = longest_text_bytes(name);
  if (File::open_to_read(path).size() > limit_bytes) {
    listing.warnings.add(
        fmt::format("{} is left out: longer than {}", printable(name), format_bytes(limit_bytes)));
  } else {
    listing.texts.emplace(name, read_text(path, limit_bytes));
  }
}

}  // namespace

Listing list_folder(const fs::path& root) {
  Listing listing;
  listing.root = root;
  const std::vector<std::string> texts = walk(listing);
  std::ranges::sort(listing.images);
  std::unordered_set<std::string_view> stems;
  for (const std::string& image : listing.images) stems.insert(stem_of(image));
  for (const std::string& name : texts) {
    if (is_caption_table(name) || stems.contains(stem_of(name))) read_text_into(listing, name);
  }
  return listing;
}

}  // namespace dfm::media
