#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/hdf5_file.h"
#include "core/array.h"
#include "core/file.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;
using ::testing::UnorderedElementsAre;

std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.5F);
  return values;
}

// A file with /a/b/c of 100 elements and two attributes, and /a/d without elements.
class Hdf5Files : public ::testing::Test {
 protected:
  Hdf5Files() {
    Hdf5File file = Hdf5File::create(path_);
    const std::uint64_t offset = file.reserve("/a/b/c", 100, {{"shape", {20, 5}}, {"empty", {}}});
    EXPECT_EQ(file.reserve("/a/d", 0, {}), 0U);
    file.close();
    const std::vector<float> values = counting(100);
    File::open_to_write(path_).write_at(std::as_bytes(std::span(values)), offset);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "x.h5";
};

TEST_F(Hdf5Files, AnyRangeOfADatasetCanBeRead) {
  const Hdf5File file = Hdf5File::open_to_read(path_);
  const std::vector<float> all = counting(100);
  for (const std::size_t first : {0, 1, 50, 99, 100}) {
    for (const std::size_t count : {0, 1, 7, 50}) {
      if (first + count > 100) continue;
      std::vector<float> part(count);
      file.read("/a/b/c", static_cast<std::int64_t>(first), part);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + static_cast<std::ptrdiff_t>(first)));
    }
  }
}

TEST_F(Hdf5Files, ARangeBeyondTheEndIsAnError) {
  const Hdf5File file = Hdf5File::open_to_read(path_);
  std::vector<float> part(2);
  EXPECT_THAT(error_of([&] { file.read("/a/b/c", 99, part); }).what(), HasSubstr("x.h5"));
}

TEST_F(Hdf5Files, LengthsAndAttributesComeBack) {
  const Hdf5File file = Hdf5File::open_to_read(path_);
  EXPECT_EQ(file.length("/a/b/c"), 100);
  EXPECT_EQ(file.length("/a/d"), 0);
  EXPECT_THAT(file.read_attribute("/a/b/c", "shape"), ElementsAre(20, 5));
  EXPECT_THAT(file.read_attribute("/a/b/c", "empty"), IsEmpty());
}

TEST_F(Hdf5Files, GroupsHaveMembers) {
  const Hdf5File file = Hdf5File::open_to_read(path_);
  EXPECT_THAT(file.members("/"), ElementsAre("a"));
  EXPECT_THAT(file.members("/a"), UnorderedElementsAre("b", "d"));
  EXPECT_THAT(file.members("/nowhere"), IsEmpty());
}

TEST_F(Hdf5Files, WhatIsNotThereIsAnErrorThatNamesTheFile) {
  const Hdf5File file = Hdf5File::open_to_read(path_);
  EXPECT_THAT(error_of([&] { file.length("/a/nowhere"); }).what(), HasSubstr("x.h5"));
  EXPECT_THAT(error_of([&] { file.read_attribute("/a/b/c", "nothing"); }).what(), HasSubstr("x.h5"));
  EXPECT_THAT(error_of([&] { file.length("/a/b"); }).what(), HasSubstr("x.h5"));
}

TEST_F(Hdf5Files, TheSameDatasetTwiceIsAnErrorThatNamesTheFile) {
  Hdf5File file = Hdf5File::create(folder_ / "y.h5");
  file.reserve("/w", 3, {});
  EXPECT_THAT(error_of([&] { file.reserve("/w", 3, {}); }).what(), HasSubstr("y.h5"));
}

TEST(Hdf5File, AFileOfAnotherKindIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  testing::write_file(folder / "x.h5", "this is not HDF5");
  testing::write_file(folder / "empty.h5", "");
  EXPECT_THAT(error_of([&] { Hdf5File::open_to_read(folder / "x.h5"); }).what(),
              HasSubstr("cannot open " + (folder / "x.h5").native()));
  EXPECT_THAT(error_of([&] { Hdf5File::open_to_read(folder / "empty.h5"); }).what(), HasSubstr("empty.h5"));
}

TEST(Hdf5File, AMissingFileOrFolderIsAStorageErrorWithItsRemedy) {
  const TemporaryFolder folder;
  const Error missing = error_of([&] { Hdf5File::open_to_read(folder / "nowhere.h5"); });
  EXPECT_EQ(missing.kind(), ExitCode::storage);
  EXPECT_THAT(missing.what(), AllOf(HasSubstr("nowhere.h5"), HasSubstr("No such file or directory")));
  EXPECT_THAT(missing.hint(), HasSubstr("spelling"));
  EXPECT_EQ(error_of([&] { Hdf5File::create(folder / "no/where.h5"); }).kind(), ExitCode::storage);
}

TEST(Hdf5File, ADatasetOfTwoDimensionsIsRefused) {
  const TemporaryFolder folder;
  const hid_t file = H5Fcreate((folder / "x.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const std::array<hsize_t, 2> extents{4, 5};
  const hid_t flat = H5Screate_simple(2, extents.data(), nullptr), scalar = H5Screate(H5S_SCALAR);
  H5Dclose(H5Dcreate2(file, "square", H5T_IEEE_F32LE, flat, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dclose(H5Dcreate2(file, "scalar", H5T_IEEE_F32LE, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(flat);
  H5Sclose(scalar);
  H5Fclose(file);
  const Hdf5File opened = Hdf5File::open_to_read(folder / "x.h5");
  std::vector<float> part(2);
  for (const char* const name : {"square", "scalar"}) {
    EXPECT_EQ(error_of([&] { opened.read(name, 0, part); }).kind(), ExitCode::data);
    EXPECT_THAT(error_of([&] { opened.length(name); }).what(), HasSubstr("one-dimensional"));
  }
}

TEST(Hdf5File, ErrorsPrintNothing) {
  const TemporaryFolder folder;
  ::testing::internal::CaptureStderr();
  error_of([&] { Hdf5File::open_to_read(folder / "nowhere.h5"); });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace dfm::ckpt
