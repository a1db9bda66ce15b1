// Captions of images, from what lies beside them.
//
// - A table in a folder: metadata.csv (RFC 4180, a header with the columns file_name and text) or
//   metadata.jsonl (one object with these two keys a line). file_name is relative to the table's folder.
// - A side file with the image's name and another extension: .txt (its text) or .json (the string under
//   "caption", else under "text").
//
// Where there are several, the table goes before .txt, and .txt before .json. White space around a caption is
// dropped; a caption of nothing else is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "media/listing.h"

namespace dfm::media {

bool is_caption_table(const std::string& name);
bool is_side_file(const std::string& name);

// How long such a text may be: 1 GiB for a table, 1 MiB for a side file; 0 for what holds no captions.
std::uint64_t longest_text_bytes(const std::string& name);

// One for each image of the listing, empty where there is none. Rows that name no image, or name one again,
// and side files that are malformed or not UTF-8 are added to its warnings. A data error names the line of a
// table that is.
std::vector<std::optional<std::string>> find_captions(Listing& listing);

}  // namespace dfm::media
