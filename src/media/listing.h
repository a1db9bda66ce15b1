// What a source holds, before captions and images are brought together.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "media/warnings.h"

namespace dfm::media {

struct Listing {
  std::filesystem::path root;                // of the source, for messages
  std::vector<std::string> images;           // names, in the order of the source
  std::map<std::string, std::string> texts;  // content of what may hold captions, by name
  Warnings warnings;
};

// The images of a folder and of all below it, by name, bytewise; and the texts that belong to them. Hidden
// files and links are left out.
Listing list_folder(const std::filesystem::path& root);

// The images of an archive in the order in which they stand there, and its texts. Hidden entries and all that
// is no regular file are left out; of entries with the same name the first counts.
Listing list_archive(const std::filesystem::path& path);

}  // namespace dfm::media
