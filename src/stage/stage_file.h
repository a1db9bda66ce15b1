// A file of the shared file system that nodes keep copies of, as it was when staging began.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dfm::stage {

struct StageFile {
  std::string name;  // relative to the root; the copy has the same below its folder
  std::filesystem::path source;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;  // since 1970
};

// Throws a data error for a file that is not there, and for a name that leads out of the root.
std::vector<StageFile> look_at_files(const std::filesystem::path& root,
                                     const std::vector<std::string>& names);

// Throws a data error that tells a source that vanished from one that grew, shrank or was rewritten.
void require_unchanged(const StageFile& file);

// For the ranks that did not look, and back.
std::string to_text(const std::vector<StageFile>& files);
std::vector<StageFile> stage_files_from_text(const std::string& text);

}  // namespace dfm::stage
