#include "report/gallery.h"

#include "core/file.h"

namespace dfm::report {

std::string render_gallery(const Gallery& gallery) {
  const std::string pictures =
      gallery.pictures.empty() ? "<p class=\"empty\">No samples.</p>\n" : pictures_html(gallery.pictures);
  return page_html("dfm samples", gallery.title,
                   facts_html(gallery.facts) + section_html("Samples", pictures));
}

void write_gallery(const std::filesystem::path& path, const Gallery& gallery) {
  write_durably(path, render_gallery(gallery));
}

}  // namespace dfm::report
