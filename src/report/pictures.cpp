#include "report/pictures.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include <fmt/core.h>

#include "report/base64.h"
#include "report/html.h"
#include "report/png.h"

namespace dfm::report {
namespace {

// A card's picture, and whether it wants the whole width of the page (a strip of frames).
struct Content {
  std::string html;
  std::string_view extra_class;
};

bool ends_with_one_of(const std::string& path, std::initializer_list<std::string_view> extensions) {
  const std::string extension = std::filesystem::path(path).extension().native();
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

Content content_of(const PngBytes& png, const std::string& caption) {
  static constexpr double kStripAspect = 2.5;
  const PngHeader header = read_png_header(png.bytes);
  const bool is_strip = header.width > kStripAspect * header.height;
  return {fmt::format("<img width=\"{}\" height=\"{}\" alt=\"{}\" src=\"data:image/png;base64,{}\"/>",
                      header.width, header.height, caption, base64(png.bytes)),
          is_strip ? " wide" : ""};
}

Content content_of(const FileBesidePage& file, const std::string& caption) {
  const std::string url = file_url(file.path);
  if (ends_with_one_of(file.path, {".mp4", ".webm"})) {
    return {fmt::format("<video controls=\"\" loop=\"\" muted=\"\" playsinline=\"\" preload=\"metadata\" "
                        "aria-label=\"{}\" src=\"{}\"></video>",
                        caption, url),
            ""};
  }
  if (ends_with_one_of(file.path, {".png", ".jpg", ".jpeg", ".gif", ".webp"})) {
    return {fmt::format("<a href=\"{0}\"><img loading=\"lazy\" alt=\"{1}\" src=\"{0}\"/></a>", url, caption),
            ""};
  }
  return {fmt::format("<a class=\"file\" href=\"{}\">{}</a>", url, escape_html(file.path)), ""};
}

}  // namespace

std::string pictures_html(const std::vector<Picture>& pictures) {
  if (pictures.empty()) return "";
  std::string cards;
  for (const Picture& picture : pictures) {
    const std::string caption = escape_html(picture.caption);
    const auto content =
        std::visit([&](const auto& source) { return content_of(source, caption); }, picture.source);
    cards += fmt::format(
        "<figure class=\"picture card{0}\">{1}<figcaption title=\"{2}\">{2}</figcaption></figure>\n",
        content.extra_class, content.html, caption);
  }
  return fmt::format("<div class=\"pictures\">\n{}</div>\n", cards);
}

}  // namespace dfm::report
