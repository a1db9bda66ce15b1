#include "report/html.h"

#include <fmt/core.h>

#include "report/style.h"

namespace dfm::report {
namespace {

// Empty for a character that stands for itself.
std::string_view replacement_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    case '\n':
    case '\t':
      return "";
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(c);
  const bool is_control = code < 0x20 || code == 0x7F;
  return is_control ? "\xEF\xBF\xBD" : "";
}

bool stands_for_itself_in_url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~/").find(c) != std::string_view::npos;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    const std::string_view replacement = replacement_of(c);
    if (replacement.empty()) {
      escaped += c;
    } else {
      escaped += replacement;
    }
  }
  return escaped;
}

std::string file_url(std::string_view relative_path) {
  std::string url = "./";  // what follows cannot be read as a scheme or a host
  for (const char c : relative_path) {
    if (stands_for_itself_in_url(c)) {
      url += c;
    } else {
      url += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return url;
}

std::string facts_html(const std::vector<Fact>& facts) {
  if (facts.empty()) return "";
  std::string rows;
  for (const Fact& fact : facts) {
    rows +=
        fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(fact.name), escape_html(fact.value));
  }
  return fmt::format("<dl class=\"facts card\">\n{}</dl>\n", rows);
}

std::string section_html(std::string_view heading, std::string_view body) {
  if (body.empty()) return "";
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escape_html(heading), body);
}

std::string page_html(std::string_view eyebrow, std::string_view title, std::string_view body) {
  const std::string safe_title = escape_html(title);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n";
  // Forbids scripts and everything from elsewhere; images and videos may lie in files beside the page.
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "img-src 'self' data: file:; media-src 'self' file:\"/>\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
  page += "<meta name=\"color-scheme\" content=\"light dark\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n";
  page += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n", safe_title,
                      page_style());
  page += fmt::format("<header>\n<p class=\"eyebrow\">{}</p>\n<h1>{}</h1>\n</header>\n", escape_html(eyebrow),
                      safe_title);
  page += body;
  page += "</main>\n</body>\n</html>\n";
  return page;
}

}  // namespace dfm::report
