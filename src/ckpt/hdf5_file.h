// HDF5 through one checked, owning wrapper: files, groups, flat float32 datasets and small attributes.
//
// One thread at a time is inside the library; the wrapper sees to that. Errors of the library become storage
// errors with its own text and, where it names an errno, the remedy for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <hdf5.h>

#include "core/array.h"

namespace dfm::ckpt {

// Owns an identifier and closes it with the function that belongs to its kind.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  // Throws when id is negative: `what` says what was being done, `path` to which file.
  Hdf5Handle(hid_t id, Close close, const char* what, const std::filesystem::path& path);
  Hdf5Handle(Hdf5Handle&& other) noexcept;
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept;
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  ~Hdf5Handle();

  hid_t id() const { return id_; }
  // Closes now, and reports what the library had kept back.
  void close_now(const char* what, const std::filesystem::path& path);

 private:
  hid_t id_;
  Close close_;
};

class Hdf5File {
 public:
  // expected_datasets: room for their descriptions is kept at the beginning of the file.
  static Hdf5File create(const std::filesystem::path& path, std::size_t expected_datasets = 0);
  static Hdf5File open_to_read(const std::filesystem::path& path);

  struct Attribute {
    const char* name;
    std::vector<std::int64_t> values;
  };
  // A one-dimensional float32 dataset; intermediate groups are made. Attributes are stored as int64 arrays.
  // Returns where in the file the values belong (0 when there are none): whoever has them writes them there
  // once the file is closed.
  std::uint64_t reserve(const std::string& name, std::size_t count, const std::vector<Attribute>& attributes);
  // Where a dataset's values begin in the file, when they lie there in one part and as this machine's floats.
  std::optional<std::uint64_t> plain_offset(const std::string& dataset) const;

  // Elements [first, first + out.size()) of a dataset.
  void read(const std::string& name, std::int64_t first, std::span<float> out) const;
  std::vector<std::int64_t> read_attribute(const std::string& dataset, const char* attribute) const;

  // Names of the members of a group; empty when there is no such group.
  std::vector<std::string> members(const std::string& group) const;
  std::int64_t length(const std::string& dataset) const;

  void close();

 private:
  Hdf5File(Hdf5Handle file, std::filesystem::path path) : file_(std::move(file)), path_(std::move(path)) {}
  void add_attribute(const Hdf5Handle& dataset, const Attribute& attribute);
  Hdf5Handle open_dataset(const std::string& name) const;
  // Throws a data error for a dataset of another number of dimensions.
  Hdf5Handle flat_space(const Hdf5Handle& dataset, const std::string& name) const;

  Hdf5Handle file_;
  std::filesystem::path path_;
};

}  // namespace dfm::ckpt
