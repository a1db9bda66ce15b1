// Folders and archives of images with captions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/error.h"
#include "media/source.h"
#include "unit/media/support.h"

namespace dfm::media {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names_of(const Source& source) {
  std::vector<std::string> names;
  for (const Item& item : source.items) names.push_back(item.name);
  return names;
}

// The contents of the items with an odd index.
std::vector<std::string> read_odd_items(const Source& source) {
  std::vector<std::string> contents;
  SourceReader reader(source);
  while (reader.next()) {
    if (reader.index() % 2 == 1) contents.push_back(text_of(reader.read()));
  }
  return contents;
}

TEST(FolderSource, ListsImagesSortedByTheBytesOfTheirNames) {
  const TemporaryFolder folder;
  for (const char* name :
       {"b.png", "a/z.jpg", "a.JPG", "a-1.gif", "\xC3\xBC.webp", "B.bmp", "a/b/c.tiff", "notes.md"}) {
    folder.add(name, name);
  }
  const Source source = open_source(folder.path());
  EXPECT_THAT(names_of(source),
              ElementsAre("B.bmp", "a-1.gif", "a.JPG", "a/b/c.tiff", "a/z.jpg", "b.png", "\xC3\xBC.webp"));
  EXPECT_THAT(source.warnings, IsEmpty());
  EXPECT_THAT(read_odd_items(source), ElementsAre("a-1.gif", "a/b/c.tiff", "b.png"));
}

TEST(FolderSource, HasCaptionsFromSideFilesAndTables) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "b.png", "c.png", "d.png"}) folder.add(name, "x");
  folder.add("a.txt", "from a.txt\n");
  folder.add("b.json", R"({"caption": "from b.json"})");
  folder.add("metadata.csv", "file_name,text\nc.png,from the table\n");
  const Source source = open_source(folder.path());
  EXPECT_THAT(source.items, ElementsAre(Item{"a.png", "from a.txt"}, Item{"b.png", "from b.json"},
                                        Item{"c.png", "from the table"}, Item{"d.png", std::nullopt}));
}

TEST(FolderSource, LeavesOutHiddenFilesInSilence) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", ".b.png", ".cache/c.png", "d/._e.png"}) folder.add(name, "x");
  const Source source = open_source(folder.path());
  EXPECT_THAT(names_of(source), ElementsAre("a.png"));
  EXPECT_THAT(source.warnings, IsEmpty());
}

TEST(FolderSource, MayItselfBeHiddenAndEndInASlash) {
  const TemporaryFolder folder;
  folder.add(".set/a/b.png", "x");
  EXPECT_THAT(names_of(open_source(folder.path() / ".set/")), ElementsAre("a/b.png"));
}

TEST(FolderSource, FollowsNoLinksAndOpensNoPipes) {
  const TemporaryFolder folder, elsewhere;
  folder.add("a.png", "x");
  elsewhere.add("secret.png", "secret");
  fs::create_symlink(elsewhere.path() / "secret.png", folder.path() / "link.png");
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "linked");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe.png").c_str(), 0600), 0);
  const Source source = open_source(folder.path());
  EXPECT_THAT(names_of(source), ElementsAre("a.png"));
  EXPECT_THAT(source.warnings,
              UnorderedElementsAre(HasSubstr("link.png is left out"), HasSubstr("linked is left out"),
                                   HasSubstr("pipe.png is left out")));
}

TEST(FolderSource, LeavesOutNamesThatAreNotUtf8) {
  const TemporaryFolder folder;
  folder.add("a.png", "x");
  folder.add("\xE9.png", "x");
  const Source source = open_source(folder.path());
  EXPECT_THAT(names_of(source), ElementsAre("a.png"));
  EXPECT_THAT(source.warnings, ElementsAre("\\xE9.png is left out: its name is not UTF-8"));
}

TEST(FolderSource, LeavesOutSideFilesThatAreTooLong) {
  const TemporaryFolder folder;
  folder.add("a.png", "x");
  folder.add("a.txt", std::string((1U << 20U) + 1, 'a'));
  const Source source = open_source(folder.path());
  EXPECT_THAT(source.items, ElementsAre(Item{"a.png", std::nullopt}));
  EXPECT_THAT(source.warnings, ElementsAre("a.txt is left out: longer than 1.0 MiB"));
}

TEST(FolderSource, ReportsAFileThatIsGone) {
  const TemporaryFolder folder;
  folder.add("a.png", "x");
  const Source source = open_source(folder.path());
  fs::remove(folder.path() / "a.png");
  SourceReader reader(source);
  ASSERT_TRUE(reader.next());
  EXPECT_THROW(reader.read(), Error);
}

class ArchiveSource : public ::testing::TestWithParam<const char*> {};

TEST_P(ArchiveSource, ListsImagesInTheOrderOfTheArchiveAndReadsThem) {
  const TemporaryFolder folder;
  const auto path = folder.path() / GetParam();
  write_archive(path, {{"set/", "", AE_IFDIR},
                       {"set/c.txt", "caption of c\n"},
                       {"set/c.png", "C"},
                       {"set/a.png", "A"},
                       {"set/b.JPG", "B"},
                       {"set/metadata.csv", "file_name,text\na.png,caption of a\nz.png,none\n"},
                       {"set/d.gif", "D"}});
  const Source source = open_source(path);
  EXPECT_THAT(source.items, ElementsAre(Item{"set/c.png", "caption of c"}, Item{"set/a.png", "caption of a"},
                                        Item{"set/b.JPG", std::nullopt}, Item{"set/d.gif", std::nullopt}));
  EXPECT_THAT(source.warnings, ElementsAre(HasSubstr("metadata.csv:3: there is no image 'z.png'")));
  EXPECT_THAT(read_odd_items(source), ElementsAre("A", "D"));
}

INSTANTIATE_TEST_SUITE_P(Formats, ArchiveSource, ::testing::Values("x.tar", "x.tar.gz", "x.zip", "x.7z"));

TEST(HostileArchive, NeverLeadsOutOfItself) {
  const TemporaryFolder folder;
  for (const char* format : {"x.zip", "x.tar"}) {
    const auto path = folder.path() / format;
    write_archive(path, {{"../../evil.png", "1"},
                         {"/etc/evil.png", "2"},
                         {"a/../evil.png", "3"},
                         {"./a//b.png", "4"},
                         {"link.png", "/etc/passwd", AE_IFLNK},
                         {".hidden.png", "5"},
                         {"__MACOSX/._b.png", "6"}});
    const Source source = open_source(path);
    EXPECT_THAT(names_of(source), ElementsAre("a/b.png"));
    EXPECT_THAT(source.warnings,
                ElementsAre(HasSubstr("../../evil.png is left out"), HasSubstr("/etc/evil.png is left out"),
                            HasSubstr("a/../evil.png is left out"), HasSubstr("link.png is left out")));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}),
              format == std::string("x.zip") ? 1 : 2);
  }
}

TEST(ArchiveWithRepeatedNames, CountsTheFirst) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.tar";
  write_archive(
      path,
      {{"a.png", "0"}, {"b.png", "1"}, {"./b.png", "2"}, {"a.png", "3"}, {"c.png", "4"}, {"d.png", "5"}});
  const Source source = open_source(path);
  EXPECT_THAT(names_of(source), ElementsAre("a.png", "b.png", "c.png", "d.png"));
  EXPECT_THAT(source.warnings, ElementsAre("b.png is left out: its name occurs before",
                                           "a.png is left out: its name occurs before"));
  EXPECT_THAT(read_odd_items(source), ElementsAre("1", "5"));
}

TEST(ArchiveThatChanges, IsADataError) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.tar";
  write_archive(path, {{"a.png", "A"}, {"b.png", "B"}});
  const Source source = open_source(path);
  write_archive(path, {{"a.png", "A"}});
  EXPECT_THAT(data_error_of([&] { read_odd_items(source); }), HasSubstr("has changed: 'b.png' is gone"));
}

TEST(Source, TravelsAsText) {
  const Source source{"photos/\xFF.tar",
                      {{"a.png", "a \xE2\x80\x9Crose\xE2\x80\x9D\n"}, {"b.png", std::nullopt}, {"c.png", ""}},
                      {"one warning"}};
  EXPECT_EQ(source_from_text(to_text(source)), source);
}

TEST(Source, WithoutImagesIsADataError) {
  const TemporaryFolder folder;
  folder.add("a.txt", "x");
  EXPECT_THAT(data_error_of([&] { open_source(folder.path()); }), HasSubstr("holds no images"));
}

TEST(Source, ThatIsMissingIsAStorageError) {
  try {
    open_source("/nowhere/at/all");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::storage);
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/at/all"));
  }
}

TEST(Source, ThatIsADeviceIsADataError) {
  EXPECT_THAT(data_error_of([] { open_source("/dev/zero"); }), HasSubstr("neither a folder nor a file"));
}

}  // namespace
}  // namespace dfm::media
