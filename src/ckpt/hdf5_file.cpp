#include "ckpt/hdf5_file.h"

#include <cstdlib>
#include <mutex>
#include <regex>
#include <utility>

#include <fmt/core.h>

#include "core/error.h"
#include "core/system_error.h"

namespace dfm::ckpt {
namespace {

// The innermost description of the library's error stack: the cause rather than the chain of callers.
std::string innermost_error() {
  std::string text;
  const auto take = [](unsigned, const H5E_error2_t* entry, void* out) -> herr_t {
    if (entry->desc != nullptr) *static_cast<std::string*>(out) = entry->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, take, &text);
  H5Eclear2(H5E_DEFAULT);
  return text;
}

[[noreturn]] void fail(const char* what, const std::filesystem::path& path) {
  const std::string text = innermost_error();
  std::smatch found;
  if (std::regex_search(text, found, std::regex("errno = ([0-9]+)"))) {
    throw_system_error(what, path.native(), std::stoi(found[1].str()));
  }
  const std::string message = fmt::format("cannot {} {}: {}", what, path.native(), text);
  // Without an errno a file that is read is not what it should be.
  const std::string_view action = what;
  throw action == "open" || action == "read" ? data_error(message) : storage_error(message);
}

void check(herr_t status, const char* what, const std::filesystem::path& path) {
  if (status < 0) fail(what, path);
}

// The library is not made for several threads, and a checkpoint is written in a thread of its own.
std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

void silence_library() {
  static const bool opened = [] {
    // Its clean-up at exit crashes over a file that could not be written (a full disk); files are closed here
    // anyway.
    H5dont_atexit();
    return H5open() >= 0;
  }();
  // A library built to be thread-safe keeps one stack of errors, and one habit of printing it, for each
  // thread.
  thread_local const bool silent = opened && H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  (void)silent;
}

// Data of some size begin on a page, and the small descriptions lie together: both make reading from front to
// back fast.
Hdf5Handle creation_properties(const std::filesystem::path& path, std::size_t expected_datasets) {
  static constexpr hsize_t kAlignedFrom = 16U << 10U, kPage = 4096;
  static constexpr hsize_t kDescriptionBlock = 8U << 10U, kDescription = 1536;
  Hdf5Handle properties(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "prepare", path);
  check(H5Pset_alignment(properties.id(), kAlignedFrom, kPage), "prepare", path);
  check(H5Pset_meta_block_size(properties.id(), kDescriptionBlock + kDescription * expected_datasets),
        "prepare", path);
  check(H5Pset_small_data_block_size(properties.id(), 0), "prepare", path);
  return properties;
}

Hdf5Handle simple_space(hsize_t count, const std::filesystem::path& path) {
  return {H5Screate_simple(1, &count, nullptr), H5Sclose, "describe data for", path};
}

}  // namespace

Hdf5Handle::Hdf5Handle(hid_t id, Close close, const char* what, const std::filesystem::path& path)
    : id_(id), close_(close) {
  if (id < 0) fail(what, path);
}

Hdf5Handle::Hdf5Handle(Hdf5Handle&& other) noexcept
    : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(close_, other.close_);
  return *this;
}

Hdf5Handle::~Hdf5Handle() {
  if (id_ < 0) return;
  const std::lock_guard lock(library_mutex());
  close_(id_);
}

void Hdf5Handle::close_now(const char* what, const std::filesystem::path& path) {
  const std::lock_guard lock(library_mutex());
  check(close_(std::exchange(id_, H5I_INVALID_HID)), what, path);
}

Hdf5File Hdf5File::create(const std::filesystem::path& path, std::size_t expected_datasets) {
  const std::lock_guard lock(library_mutex());
  silence_library();
  const Hdf5Handle properties = creation_properties(path, expected_datasets);
  return {Hdf5Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, properties.id()), H5Fclose, "create",
                     path),
          path};
}

Hdf5File Hdf5File::open_to_read(const std::filesystem::path& path) {
  const std::lock_guard lock(library_mutex());
  silence_library();
  return {Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, "open", path), path};
}

std::uint64_t Hdf5File::reserve(const std::string& name, std::size_t count,
                                const std::vector<Attribute>& attributes) {
  const std::lock_guard lock(library_mutex());
  const Hdf5Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "prepare", path_);
  check(H5Pset_create_intermediate_group(links.id(), 1), "prepare", path_);
  const Hdf5Handle storage(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "prepare", path_);
  check(H5Pset_alloc_time(storage.id(), H5D_ALLOC_TIME_EARLY), "prepare", path_);
  check(H5Pset_fill_time(storage.id(), H5D_FILL_TIME_NEVER), "prepare", path_);
  // The same values give the same bytes, whenever they are saved.
  check(H5Pset_obj_track_times(storage.id(), false), "prepare", path_);
  const Hdf5Handle space = simple_space(count, path_);
  const Hdf5Handle data(
      H5Dcreate2(file_.id(), name.c_str(), H5T_IEEE_F32LE, space.id(), links.id(), storage.id(), H5P_DEFAULT),
      H5Dclose, "write", path_);
  for (const Attribute& attribute : attributes) add_attribute(data, attribute);
  return count == 0 ? 0 : H5Dget_offset(data.id());
}

std::optional<std::uint64_t> Hdf5File::plain_offset(const std::string& dataset) const {
  const std::lock_guard lock(library_mutex());
  const Hdf5Handle data = open_dataset(dataset);
  const Hdf5Handle type(H5Dget_type(data.id()), H5Tclose, "read", path_);
  const haddr_t offset = H5Dget_offset(data.id());  // undefined where there is no contiguous storage
  if (offset == HADDR_UNDEF || H5Tequal(type.id(), H5T_NATIVE_FLOAT) <= 0) return std::nullopt;
  return offset;
}

void Hdf5File::add_attribute(const Hdf5Handle& dataset, const Attribute& attribute) {
  const Hdf5Handle extent = simple_space(attribute.values.size(), path_);
  const Hdf5Handle handle(
      H5Acreate2(dataset.id(), attribute.name, H5T_STD_I64LE, extent.id(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "write", path_);
  if (attribute.values.empty()) return;  // the library takes no null pointer
  check(H5Awrite(handle.id(), H5T_NATIVE_INT64, attribute.values.data()), "write", path_);
}

Hdf5Handle Hdf5File::open_dataset(const std::string& name) const {
  return {H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT), H5Dclose, "read", path_};
}

Hdf5Handle Hdf5File::flat_space(const Hdf5Handle& dataset, const std::string& name) const {
  Hdf5Handle space(H5Dget_space(dataset.id()), H5Sclose, "read", path_);
  if (H5Sget_simple_extent_ndims(space.id()) == 1) return space;
  throw data_error(fmt::format("{}: the dataset {} is not one-dimensional", path_.native(), name));
}

std::int64_t Hdf5File::length(const std::string& dataset) const {
  const std::lock_guard lock(library_mutex());
  return H5Sget_simple_extent_npoints(flat_space(open_dataset(dataset), dataset).id());
}

void Hdf5File::read(const std::string& name, std::int64_t first, std::span<float> out) const {
  const std::lock_guard lock(library_mutex());
  const Hdf5Handle data = open_dataset(name);
  const Hdf5Handle space = flat_space(data, name);
  const auto begin = static_cast<hsize_t>(first);
  const hsize_t count = out.size();
  check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &begin, nullptr, &count, nullptr), "read", path_);
  const Hdf5Handle memory = simple_space(count, path_);
  check(H5Dread(data.id(), H5T_NATIVE_FLOAT, memory.id(), space.id(), H5P_DEFAULT, out.data()), "read",
        path_);
}

std::vector<std::int64_t> Hdf5File::read_attribute(const std::string& dataset, const char* attribute) const {
  const std::lock_guard lock(library_mutex());
  const Hdf5Handle data = open_dataset(dataset);
  const Hdf5Handle handle(H5Aopen(data.id(), attribute, H5P_DEFAULT), H5Aclose, "read", path_);
  const Hdf5Handle space(H5Aget_space(handle.id()), H5Sclose, "read", path_);
  std::vector<std::int64_t> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.id())));
  if (!values.empty()) check(H5Aread(handle.id(), H5T_NATIVE_INT64, values.data()), "read", path_);
  return values;
}

std::vector<std::string> Hdf5File::members(const std::string& group) const {
  const std::lock_guard lock(library_mutex());
  if (H5Lexists(file_.id(), group.c_str(), H5P_DEFAULT) <= 0) return {};
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  std::vector<std::string> names;
  const Hdf5Handle handle(H5Gopen2(file_.id(), group.c_str(), H5P_DEFAULT), H5Gclose, "read", path_);
  check(H5Literate(handle.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect, &names), "read", path_);
  return names;
}

void Hdf5File::close() { file_.close_now("finish", path_); }

}  // namespace dfm::ckpt
