#include <unordered_set>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "media/archive_reader.h"
#include "media/captions.h"
#include "media/entry_name.h"
#include "media/listing.h"

namespace dfm::media {
namespace {

// Side files are kept until all images are known.
constexpr std::uint64_t kMostTextBytes = std::uint64_t{4} << 30U;

// Why an entry is left out; null where nothing speaks against it.
const char* objection(const ArchiveReader& archive, const std::optional<std::string>& name) {
  if (!name) return "its name leads out of the archive or is not UTF-8";
  return archive.is_file() ? nullptr : "it is not a regular file";
}

class ArchiveLister {
 public:
  explicit ArchiveLister(const std::filesystem::path& path) : archive_(path) { listing_.root = path; }

  Listing list() {
    while (archive_.next()) visit_entry();
    return std::move(listing_);
  }

 private:
  void visit_entry() {
    const bool is_image = is_image_name(archive_.name()) || is_video_name(archive_.name());
    const std::uint64_t text_limit_bytes = longest_text_bytes(archive_.name());
    if (!is_image && text_limit_bytes == 0) return;
    const auto name = clean_name(archive_.name());
    if (name && is_hidden(*name)) return;
    if (const char* const reason = objection(archive_, name)) {
      leave_out(archive_.name(), reason);
    } else if (!seen_.insert(*name).second) {
      leave_out(*name, "its name occurs before");
    } else if (is_image) {
      listing_.images.push_back(*name);
    } else {
      keep_text(*name, text_limit_bytes);
    }
  }

  void keep_text(const std::string& name, std::uint64_t limit_bytes) {
    if (archive_.size_bytes() > limit_bytes) {
      leave_out(name, "it is longer than " + format_bytes(limit_bytes));
      return;
    }
    const auto content = archive_.read(limit_bytes);
    text_bytes_ += content.size();
    if (text_bytes_ > kMostTextBytes) {
      throw data_error(fmt::format("{} holds more than {} of captions", listing_.root.native(),
                                   format_bytes(kMostTextBytes)));
    }
    listing_.texts.emplace(name, std::string(reinterpret_cast<const char*>(content.data()), content.size()));
  }

  void leave_out(const std::string& name, const std::string& reason) {
    listing_.warnings.add(fmt::format("{} is left out: {}", printable(name), reason));
  }

  ArchiveReader archive_;
  Listing listing_;
  std::unordered_set<std::string> seen_;
  std::uint64_t text_bytes_ = 0;
};

}  // namespace

Listing list_archive(const std::filesystem::path& path) { return ArchiveLister(path).list(); }

}  // namespace dfm::media
