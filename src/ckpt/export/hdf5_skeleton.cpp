#include "ckpt/export/hdf5_skeleton.h"

#include <fmt/core.h>

#include "ckpt/hdf5_file.h"
#include "core/error.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAction = "write";

void check(herr_t status, const fs::path& path) {
  if (status < 0)
    throw storage_error(fmt::format("cannot prepare {}: the HDF5 library reports an error", path.native()));
}

// IEEE-like floating-point type of two bytes.
struct SmallFloat {
  std::size_t exponent_bits, mantissa_bits, bias;
};

Hdf5Handle small_float(SmallFloat layout, const fs::path& path) {
  Hdf5Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose, kAction, path);
  check(H5Tset_fields(type.id(), 15, layout.mantissa_bits, layout.exponent_bits, 0, layout.mantissa_bits),
        path);
  check(H5Tset_precision(type.id(), 16), path);
  check(H5Tset_size(type.id(), 2), path);
  check(H5Tset_ebias(type.id(), layout.bias), path);
  return type;
}

// As h5py has it.
Hdf5Handle boolean_type(const fs::path& path) {
  Hdf5Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, kAction, path);
  const std::int8_t no = 0, yes = 1;
  check(H5Tenum_insert(type.id(), "FALSE", &no), path);
  check(H5Tenum_insert(type.id(), "TRUE", &yes), path);
  return type;
}

Hdf5Handle type_of(DType dtype, const fs::path& path) {
  const auto copy = [&](hid_t type) { return Hdf5Handle(H5Tcopy(type), H5Tclose, kAction, path); };
  switch (dtype) {
    case DType::float32:
      return copy(H5T_IEEE_F32LE);
    case DType::float64:
      return copy(H5T_IEEE_F64LE);
    case DType::float16:
      return small_float({5, 10, 15}, path);
    case DType::bfloat16:
      return small_float({8, 7, 127}, path);
    case DType::int64:
      return copy(H5T_STD_I64LE);
    case DType::int32:
      return copy(H5T_STD_I32LE);
    case DType::int16:
      return copy(H5T_STD_I16LE);
    case DType::int8:
      return copy(H5T_STD_I8LE);
    case DType::uint8:
      return copy(H5T_STD_U8LE);
    case DType::boolean:
      return boolean_type(path);
  }
  throw internal_error("an element type without a name in HDF5");
}

Hdf5Handle space_of(const Shape& extent, const fs::path& path) {
  if (extent.empty()) return {H5Screate(H5S_SCALAR), H5Sclose, kAction, path};
  const std::vector<hsize_t> dimensions(extent.begin(), extent.end());
  return {H5Screate_simple(static_cast<int>(dimensions.size()), dimensions.data(), nullptr), H5Sclose,
          kAction, path};
}

// Content is left to others, and no time is noted.
Hdf5Handle creation_properties(const Hdf5Dataset& dataset, const fs::path& path) {
  Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, kAction, path);
  check(H5Pset_layout(properties.id(), H5D_CONTIGUOUS), path);
  check(H5Pset_alloc_time(properties.id(), dataset.has_place ? H5D_ALLOC_TIME_EARLY : H5D_ALLOC_TIME_LATE),
        path);
  if (dataset.has_place) check(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER), path);
  check(H5Pset_obj_track_times(properties.id(), false), path);
  return properties;
}

void write_numbers(hid_t object, const std::string& name, const std::vector<std::int64_t>& values,
                   const fs::path& path) {
  const Hdf5Handle space = space_of({static_cast<std::int64_t>(values.size())}, path);
  const Hdf5Handle attribute(
      H5Acreate2(object, name.c_str(), H5T_STD_I64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
      kAction, path);
  if (!values.empty()) check(H5Awrite(attribute.id(), H5T_NATIVE_INT64, values.data()), path);
}

constexpr std::size_t kLongestAttribute = 60'000;  // the format's limit is 64 KiB with the header

void write_text(hid_t file, const std::string& name, const std::string& text, const fs::path& path) {
  if (text.empty() || text.size() > kLongestAttribute) return;
  const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, kAction, path);
  check(H5Tset_size(type.id(), text.size()), path);
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), path);
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), path);
  const Hdf5Handle space = space_of({}, path);
  const Hdf5Handle attribute(H5Acreate2(file, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose, kAction, path);
  check(H5Awrite(attribute.id(), type.id(), text.data()), path);
}

std::uint64_t make_dataset(hid_t file, const Hdf5Handle& links, const Hdf5Dataset& dataset,
                           const fs::path& path) {
  const Hdf5Handle type = type_of(dataset.dtype, path);
  const Hdf5Handle space = space_of(dataset.extent, path);
  const Hdf5Handle properties = creation_properties(dataset, path);
  const Hdf5Handle data(
      H5Dcreate2(file, dataset.path.c_str(), type.id(), space.id(), links.id(), properties.id(), H5P_DEFAULT),
      H5Dclose, kAction, path);
  for (const auto& [name, values] : dataset.attributes) write_numbers(data.id(), name, values, path);
  if (!dataset.has_place || element_count(dataset.extent) == 0) return 0;
  const haddr_t offset = H5Dget_offset(data.id());
  ensure(offset != HADDR_UNDEF, "HDF5 gave a dataset no place");
  return offset;
}

}  // namespace

std::vector<std::uint64_t> make_hdf5_skeleton(const fs::path& path, const std::vector<Hdf5Dataset>& datasets,
                                              const std::map<std::string, std::string>& texts) {
  Hdf5File::create(path).close();  // which also quietens the library
  Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "create", path);
  const Hdf5Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, kAction, path);
  check(H5Pset_create_intermediate_group(links.id(), 1), path);
  for (const auto& [name, text] : texts) write_text(file.id(), name, text, path);
  std::vector<std::uint64_t> offsets;
  offsets.reserve(datasets.size());
  for (const Hdf5Dataset& dataset : datasets)
    offsets.push_back(make_dataset(file.id(), links, dataset, path));
  file.close_now(kAction, path);
  return offsets;
}

}  // namespace dfm::ckpt
