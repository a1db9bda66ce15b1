// Shards as other programs see them: read back with libarchive and with dfm's own scanner.
#include <csignal>

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "core/error.h"
#include "data/tar/shard_writer.h"
#include "unit/data/shards.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

using Members = std::vector<std::pair<std::string, std::string>>;

std::filesystem::path written(const std::filesystem::path& path, const Members& members) {
  ShardWriter shard(path);
  for (const auto& [name, content] : members) shard.add(name, bytes_of(content));
  shard.commit();
  return path;
}

const Members kMembers{{"000000.json", "{}"},
                       {"000000.pth", std::string(1000, 'p')},
                       {"000000.pickle", ""},
                       {"000001.json", std::string(512, 'j')}};

Members read_with_libarchive(const std::filesystem::path& path) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), &archive_read_free);
  archive_read_support_format_tar(reader.get());
  EXPECT_EQ(archive_read_open_filename(reader.get(), path.c_str(), 10240), ARCHIVE_OK);
  Members members;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    EXPECT_EQ(archive_entry_filetype(entry), static_cast<unsigned>(AE_IFREG));
    EXPECT_EQ(archive_entry_perm(entry), 0444U);
    EXPECT_EQ(archive_entry_mtime(entry), 0);
    EXPECT_EQ(archive_entry_uid(entry), 0);
    EXPECT_EQ(archive_entry_gid(entry), 0);
    std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    EXPECT_EQ(archive_read_data(reader.get(), content.data(), content.size()), archive_entry_size(entry));
    members.emplace_back(archive_entry_pathname(entry), content);
  }
  return members;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  return names;
}

TEST(ShardWriter, WritesWhatLibarchiveReads) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_with_libarchive(written(folder / "a.tar", kMembers)), kMembers);
}

TEST(ShardWriter, WritesPlainUstarHeadersThatItsOwnScannerReads) {
  const TemporaryFolder folder;
  const std::string archive = read_text(written(folder / "a.tar", kMembers));
  const auto walk = testing::walk(archive);
  ASSERT_EQ(walk.members.size(), kMembers.size());
  for (std::size_t i = 0; i < kMembers.size(); ++i) {
    EXPECT_EQ(walk.members[i].name, kMembers[i].first);
    EXPECT_TRUE(walk.members[i].is_regular);
  }
  EXPECT_EQ(archive.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(archive.size() % 512, 0U);
  EXPECT_EQ(archive.substr(archive.size() - 1024), testing::zeros(1024));
  // Nothing but a header and the content for each member, and the end.
  EXPECT_EQ(archive.size(), 512U * (2 + 3 + 1 + 2) + 1024);
}

TEST(ShardWriter, GivesTheSameBytesForTheSameMembers) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_text(written(folder / "a.tar", kMembers)), read_text(written(folder / "b.tar", kMembers)));
}

TEST(ShardWriter, KeepsNamesOfAnyLength) {
  const TemporaryFolder folder;
  const Members members{{std::string(60, 'd') + "/" + std::string(70, 'f') + ".pth", "prefix"},
                        {std::string(150, 'n') + ".pth", "pax"},
                        {std::string(300, 'd') + "/x.pth", "pax, too"}};
  const auto path = written(folder / "a.tar", members);
  EXPECT_EQ(read_with_libarchive(path), members);
  const auto walk = testing::walk(read_text(path));
  ASSERT_EQ(walk.members.size(), 3U);
  EXPECT_EQ(walk.members[1].name, members[1].first);
  EXPECT_EQ(read_text(path), read_text(written(folder / "b.tar", members)));
}

TEST(ShardWriter, OfNoMembersIsAnEmptyArchive) {
  const TemporaryFolder folder;
  const auto path = written(folder / "a.tar", {});
  EXPECT_THAT(read_with_libarchive(path), IsEmpty());
  EXPECT_EQ(read_text(path), testing::zeros(1024));
}

TEST(ShardWriter, LeavesNothingBehindWithoutCommit) {
  const TemporaryFolder folder;
  {
    ShardWriter shard(folder / "a.tar");
    shard.add("0.json", bytes_of("{}"));
  }
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
}

TEST(ShardWriter, KeepsTheOldShardUntilCommit) {
  const TemporaryFolder folder;
  folder.write("a.tar", "old");
  {
    ShardWriter shard(folder / "a.tar");
    shard.add("0.json", bytes_of("{}"));
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre("a.tar"));
  EXPECT_EQ(read_text(folder / "a.tar"), "old");
}

TEST(ShardWriter, InAFolderThatIsNotThereIsAStorageError) {
  const TemporaryFolder folder;
  const auto error = error_of([&] { ShardWriter(folder / "missing/a.tar"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::storage);
}

// Files may not grow beyond a limit for one scope, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(ShardWriter, ReportsAFullDiskAsItIsAndLeavesNothing) {
  const TemporaryFolder folder;
  const FileSizeLimit limit(100'000);
  const auto error = error_of([&] { written(folder / "a.tar", {{"0.pth", std::string(1'000'000, 'x')}}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ExitCode::storage);
  EXPECT_THAT(error->what(), ::testing::HasSubstr("a.tar"));
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
}

}  // namespace
}  // namespace dfm::data
