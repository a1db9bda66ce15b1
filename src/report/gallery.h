// `index.html` of a folder of samples: a grid of images and videos with their captions, and the settings that
// made them.
//
//   write_gallery(folder / "index.html", {.title = "Samples of iter_0001000",
//                                         .facts = {{"Sampler", "euler, 50 steps"}},
//                                         .pictures = {{"a cat", FileBesidePage{"00000.png"}}}});
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/html.h"
#include "report/pictures.h"

namespace dfm::report {

struct Gallery {
  std::string title = {};
  std::vector<Fact> facts = {};  // the settings
  std::vector<Picture> pictures = {};
};

std::string render_gallery(const Gallery& gallery);

// Durable. Throws a storage error, or a data error for a picture that is not PNG.
void write_gallery(const std::filesystem::path& path, const Gallery& gallery);

}  // namespace dfm::report
