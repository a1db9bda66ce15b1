// Pieces of a self-contained HTML page in the style of this toolkit: no scripts, nothing fetched from
// elsewhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dfm::report {

// Text for element content and quoted attributes: & < > " ' become references, control characters U+FFFD.
std::string escape_html(std::string_view text);

// A reference to a file by its path relative to the page; whatever the name holds, it is a path and no other
// URL.
std::string file_url(std::string_view relative_path);

// A row of a table of settings or results.
struct Fact {
  std::string name;
  std::string value;
};

// Empty text for no facts.
std::string facts_html(const std::vector<Fact>& facts);

// A section with a heading; empty text for an empty body. The heading is text, the body HTML.
std::string section_html(std::string_view heading, std::string_view body);

// The whole page. The eyebrow (a few words above the title) and the title are text, the body HTML.
std::string page_html(std::string_view eyebrow, std::string_view title, std::string_view body);

}  // namespace dfm::report
