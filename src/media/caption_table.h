// Rows of a table of captions.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace dfm::media {

struct CaptionRow {
  std::string file_name;
  std::string text;
  std::string position;  // "photos/metadata.csv:12"
};

// The rows, in order. The format follows the extension of `what`, which also names the table in errors: a
// text that is not UTF-8, a missing column or key, a row with too many or too few fields.
void read_caption_table(std::string_view text, const std::string& what,
                        const std::function<void(const CaptionRow&)>& visit);

}  // namespace dfm::media
