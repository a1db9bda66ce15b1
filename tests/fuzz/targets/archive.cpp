// Archives of pictures, through libarchive: names and contents, within bounds of memory.
#include "core/error.h"
#include "fuzz/fuzz.h"
#include "media/archive_reader.h"

FUZZ_TARGET(archive) {
  static constexpr std::uint64_t kLimit = 1U << 20U;
  dfm::media::ArchiveReader archive(dfm::fuzz::write_input("archive", dfm::fuzz::text_of(input)));
  while (archive.next()) {
    if (!archive.is_file()) continue;
    const auto bytes = archive.read(kLimit);
    dfm::ensure(bytes.size() <= kLimit, "an entry is no longer than it may be");
  }
}
