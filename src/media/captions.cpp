#include "media/captions.h"

#include <unordered_map>
#include <unordered_set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "media/caption_table.h"
#include "media/entry_name.h"

namespace dfm::media {
namespace {

using CaptionOfImage = std::unordered_map<std::string, std::string>;

std::string path_in(const Listing& listing, const std::string& name) {
  return printable((listing.root / name).native());
}

std::optional<std::string> caption_from(std::string_view text) {
  const std::string_view caption = trimmed(text);
  return caption.empty() ? std::nullopt : std::optional<std::string>(caption);
}

class TableReader {
 public:
  explicit TableReader(Listing& listing)
      : listing_(listing), images_(listing.images.begin(), listing.images.end()) {}

  void read(const std::string& table) {
    read_caption_table(listing_.texts.at(table), path_in(listing_, table),
                       [&](const CaptionRow& row) { add(row, std::string(folder_of(table))); });
  }
  CaptionOfImage take() && { return std::move(captions_); }

 private:
  void add(const CaptionRow& row, const std::string& folder) {
    const auto name = row.file_name.starts_with('/') ? std::nullopt : clean_name(folder + row.file_name);
    if (!name || !images_.contains(*name)) {
      warn(row, "there is no image '{}'");
    } else if (const auto caption = caption_from(row.text)) {
      if (!captions_.try_emplace(*name, *caption).second) warn(row, "'{}' has a caption already");
    }
  }

  void warn(const CaptionRow& row, fmt::format_string<std::string> text) {
    listing_.warnings.add(row.position + ": " + fmt::format(text, printable(row.file_name)));
  }

  Listing& listing_;
  std::unordered_set<std::string_view> images_;
  CaptionOfImage captions_;
};

CaptionOfImage read_tables(Listing& listing) {
  TableReader reader(listing);
  for (const auto& [name, text] : listing.texts) {
    if (is_caption_table(name)) reader.read(name);
  }
  return std::move(reader).take();
}

std::optional<std::string> caption_in_json(Listing& listing, const std::string& name, std::string_view text) {
  const Json object = parse_json(text, path_in(listing, name));
  for (const char* const key : {"caption", "text"}) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (found != object.end() && found->is_string()) return caption_from(found->get<std::string>());
  }
  listing.warnings.add(fmt::format("{}: no string under \"caption\" or \"text\"", path_in(listing, name)));
  return std::nullopt;
}

// Nothing of a damaged one: that its image has no caption is dealt with image by image, among many.
std::optional<std::string> read_side_file(Listing& listing, const std::string& name) {
  const std::string& text = listing.texts.at(name);
  if (!is_utf8(text)) {
    listing.warnings.add(fmt::format("{} is not UTF-8: no caption is taken from it", path_in(listing, name)));
    return std::nullopt;
  }
  if (extension_of(name) != "json") return caption_from(without_bom(text));
  try {
    return caption_in_json(listing, name, text);
  } catch (const Error& error) {
    listing.warnings.add(fmt::format("{}: no caption is taken from it", error.what()));
    return std::nullopt;
  }
}

// Side files by stem; for each, .txt before .json.
std::unordered_map<std::string_view, std::vector<std::string>> side_files_by_stem(const Listing& listing) {
  std::unordered_map<std::string_view, std::vector<std::string>> files;
  for (const char* const extension : {"txt", "json"}) {
    for (const auto& [name, text] : listing.texts) {
      if (is_side_file(name) && extension_of(name) == extension) files[stem_of(name)].push_back(name);
    }
  }
  return files;
}

}  // namespace

bool is_caption_table(const std::string& name) {
  return last_part_of(name) == "metadata.csv" || last_part_of(name) == "metadata.jsonl";
}

bool is_side_file(const std::string& name) {
  return extension_of(name) == "txt" || extension_of(name) == "json";
}

std::uint64_t longest_text_bytes(const std::string& name) {
  if (is_caption_table(name)) return std::uint64_t{1} << 30U;
  return is_side_file(name) ? std::uint64_t{1} << 20U : 0;
}

std::vector<std::optional<std::string>> find_captions(Listing& listing) {
  const CaptionOfImage from_tables = read_tables(listing);
  const auto side_files = side_files_by_stem(listing);
  std::vector<std::optional<std::string>> captions;
  captions.reserve(listing.images.size());
  for (const std::string& image : listing.images) {
    std::optional<std::string>& caption = captions.emplace_back();
    if (const auto found = from_tables.find(image); found != from_tables.end()) caption = found->second;
    const auto beside = side_files.find(stem_of(image));
    if (beside == side_files.end()) continue;
    for (auto file = beside->second.begin(); file != beside->second.end() && !caption; ++file) {
      caption = read_side_file(listing, *file);
    }
  }
  return captions;
}

}  // namespace dfm::media
