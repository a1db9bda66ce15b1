#include "data/tensor/npy_file.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "data/tensor/numpy_type.h"
#include "data/zip/reader.h"

namespace dfm::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kLongestHeader = 64U << 10U;
constexpr std::size_t kMostDimensions = 64;

struct Header {
  std::string description;  // "<f4"
  bool column_major = false;
  Shape shape;
};

Error damaged() {
  return data_error("its header is not one that numpy writes",
                    "save the array again: numpy.save(file, array)");
}

// Reads the one Python dictionary that numpy writes: three fixed keys with a text, a truth and a tuple of
// integers, each followed by a comma.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  Header read() {
    Header header;
    expect('{');
    for (int keys = 0; !take('}'); ++keys) {
      if (keys == 3) throw damaged();
      const std::string key = text();
      expect(':');
      if (key == "descr") {
        header.description = text();
      } else if (key == "fortran_order") {
        header.column_major = truth();
      } else if (key == "shape") {
        header.shape = integers();
      } else {
        throw damaged();
      }
      take(',');
    }
    return header;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool take(char wanted) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) throw damaged();
  }
  std::string text() {
    expect('\'');
    const auto end = rest_.find('\'');
    if (end == std::string_view::npos) throw damaged();
    std::string found(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return found;
  }
  bool truth() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return word == "True";
    }
    throw damaged();
  }
  Shape integers() {
    Shape shape;
    expect('(');
    while (!take(')')) {
      std::int64_t value = 0;
      skip_blanks();
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc{} || value < 0 || shape.size() == kMostDimensions) throw damaged();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      shape.push_back(value);
      take(',');
    }
    return shape;
  }

  std::string_view rest_;
};

DType dtype_of(const std::string& description) {
  const auto dtype =
      description.empty() ? std::nullopt : dtype_of_numpy(std::string_view(description).substr(1));
  if (dtype && std::string_view("<>|=").find(description.front()) != std::string_view::npos) return *dtype;
  throw data_error(fmt::format("numpy's element type '{}' is not supported", printable(description)),
                   "convert the array to float32, float16, float64, int8 to int64, uint8 or bool");
}

// What stands before the elements.
struct Description {
  Header header;
  DType dtype = DType::float32;
  std::uint64_t header_bytes = 0, element_bytes = 0;
};

Description describe(const ByteRange& file) {
  if (file.size() < 10 || file.part(0, kMagic.size()).text() != kMagic)
    throw data_error("it does not begin as a file of numpy.save");
  const bool is_first = file.number<std::uint8_t>(6) == 1;
  const std::uint64_t begin = is_first ? 10 : 12;
  const std::uint64_t length = is_first ? file.number<std::uint16_t>(8) : file.number<std::uint32_t>(8);
  if (length > kLongestHeader) throw damaged();
  Description found{HeaderReader(file.part(begin, length).text()).read()};
  found.dtype = dtype_of(found.header.description);
  found.header_bytes = begin + length;
  const auto count = static_cast<std::uint64_t>(element_count(found.header.shape));
  const std::uint64_t stored = file.size() - found.header_bytes;
  if (__builtin_mul_overflow(count, size_of(found.dtype), &found.element_bytes) ||
      stored != found.element_bytes) {
    throw data_error(fmt::format("{} bytes are stored for an array of {} with shape {}", stored,
                                 name_of(found.dtype), to_text(found.header.shape)),
                     "the file is damaged: copy or make it again");
  }
  return found;
}

std::shared_ptr<const ArrayView> view_of(const Description& found, std::shared_ptr<const Storage> storage,
                                         std::int64_t first_element) {
  Layout layout =
      found.header.column_major ? column_major(found.header.shape) : row_major(found.header.shape);
  layout.offset = first_element;
  ArrayView view = make_view(std::move(storage), found.dtype, std::move(layout));
  view.swapped = found.header.description.front() == '>';
  return std::make_shared<const ArrayView>(std::move(view));
}

}  // namespace

std::shared_ptr<const ArrayView> open_npy(const ByteRange& file) {
  const Description found = describe(file);
  auto storage = std::make_shared<Storage>();
  storage->content = file.part(found.header_bytes, found.element_bytes);
  storage->size_bytes = found.element_bytes;
  return view_of(found, std::move(storage), 0);
}

// The checksum of an entry covers the header, too, so that the storage is all of the entry where the elements
// begin at a multiple of their size. Numpy sees to that.
std::shared_ptr<const ArrayView> open_npz(const ByteRange& file, std::string_view array) {
  const ZipEntry entry = ZipReader(file).entry(fmt::format("{}.npy", array));
  const Description found = describe(entry.content);
  const std::uint64_t size = size_of(found.dtype);
  if (found.header_bytes % size != 0)
    throw data_error("its elements are not aligned", "save the arrays again with numpy.savez");
  auto storage = std::make_shared<Storage>();
  storage->content = entry.content;
  storage->size_bytes = entry.content.size();
  storage->crc32 = entry.crc32;
  return view_of(found, std::move(storage), static_cast<std::int64_t>(found.header_bytes / size));
}

}  // namespace dfm::data
