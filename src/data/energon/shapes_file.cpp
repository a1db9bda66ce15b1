#include "data/energon/shapes_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <system_error>

#include <fmt/core.h>

#include "core/error.h"
#include "core/hash.h"
#include "data/energon/file_mode.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHashedHeaderBytes = 40;
constexpr std::size_t kSmallestEntryBytes = 28;
constexpr std::uint64_t kLargestTableBytes = 1U << 30U;
constexpr std::uint64_t kLargestFileBytes = std::uint64_t{1} << 62U;

struct Header {
  std::array<char, 8> magic{'D', 'F', 'M', 'S', 'H', 'A', 'P', 'E'};
  std::uint32_t version = kVersion;
  std::uint32_t text_width = 0;
  std::uint64_t shards = 0;
  std::uint64_t samples = 0;
  std::uint64_t table_bytes = 0;
  std::uint64_t hash = 0;
};
static_assert(sizeof(Header) == 48 && sizeof(SampleShape) == 20, "the layout of the file");
static_assert(std::endian::native == std::endian::little, "the file is little-endian");

Error refusal(const fs::path& file, std::string_view what) {
  return data_error(fmt::format("{}: {}", file.native(), what), "make it again: dfm_index FOLDER");
}

std::uint64_t hash_of(const Header& header, std::string_view table) {
  std::string text(reinterpret_cast<const char*>(&header), kHashedHeaderBytes);
  return hash64(text += table);
}

template <class Number>
void put(std::string& out, Number value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Takes numbers and texts off the front of the table.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class Number>
  Number take() {
    Number value{};
    std::memcpy(&value, take_bytes(sizeof(value)).data(), sizeof(value));
    return value;
  }
  std::string take_text(std::size_t length) {
    const auto bytes = take_bytes(length);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  bool is_at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> take_bytes(std::size_t count) {
    if (count > rest_.size()) throw data_error("the table of shapes ends inside an entry");
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  std::span<const std::byte> rest_;
};

// Of a file of which the first bytes are at hand; checked but for its checksum.
Header header_in(std::string_view front, const fs::path& file) {
  Header header;
  if (front.size() < sizeof(header)) throw refusal(file, "it is too short");
  std::memcpy(&header, front.data(), sizeof(header));
  if (header.magic != Header{}.magic) throw refusal(file, "it is not a file of shapes");
  if (header.version != kVersion) {
    throw refusal(file, fmt::format("its version is {}, this dfm reads {}", header.version, kVersion));
  }
  return header;
}

void read_to(std::string& front, std::uint64_t end, const File& file) {
  const std::uint64_t begin = front.size();
  front.resize(end);
  file.read_exactly(std::as_writable_bytes(std::span(front)).subspan(begin), begin);
}

// The header and the table.
std::string read_front(const File& file) {
  std::string front;
  read_to(front, std::min(file.size(), std::uint64_t{sizeof(Header)}), file);
  const Header header = header_in(front, file.path());
  if (header.table_bytes > std::min(kLargestTableBytes, file.size() - sizeof(header)))
    throw refusal(file.path(), "its table reaches past its end");
  read_to(front, sizeof(header) + header.table_bytes, file);
  return front;
}

}  // namespace

std::uint64_t hash_of_rows(std::span<const SampleShape> rows) { return hash64(std::as_bytes(rows)); }

ShapesWriter::ShapesWriter(const fs::path& root, std::uint32_t text_width,
                           std::span<const ShapesOfShard> shards)
    : file_(root / kShapesFile) {
  Header header;
  std::string table;
  for (const ShapesOfShard& shard : shards) {
    header.samples += shard.samples;
    put(table, shard.samples);
    put(table, shard.end_offset);
    put(table, shard.rows_hash);
    put(table, static_cast<std::uint32_t>(shard.name.size()));
    table += shard.name;
  }
  header.text_width = text_width;
  header.shards = shards.size();
  header.table_bytes = table.size();
  header.hash = hash_of(header, table);
  file_.append(std::as_bytes(std::span(&header, 1)));
  file_.append(table);
  if (!shards.empty()) copy_mode(root / shards.front().name, temporary_name(root / kShapesFile));
}

bool ShapesFile::exists(const fs::path& root) {
  std::error_code ignored;
  return fs::is_regular_file(root / kShapesFile, ignored);
}

ShapesFile ShapesFile::open(const fs::path& root) {
  const File file = File::open_to_read(root / kShapesFile);
  ShapesFile shapes(file.path(), read_front(file));
  if (shapes.row_offsets_.back() != file.size())
    throw refusal(file.path(), "its length does not fit its table");
  return shapes;
}

ShapesFile::ShapesFile(fs::path path, std::string front) : path_(std::move(path)), front_(std::move(front)) {
  const Header header = header_in(front_, path_);
  const std::string_view table = std::string_view(front_).substr(sizeof(header));
  if (header.table_bytes != table.size() || header.shards > table.size() / kSmallestEntryBytes)
    throw refusal(path_, "its table has another length");
  if (hash_of(header, table) != header.hash) throw refusal(path_, "its checksum is wrong");
  text_width_ = header.text_width;
  read_table(header.shards);
}

void ShapesFile::read_table(std::uint64_t shard_count) {
  Cursor cursor(std::as_bytes(std::span(front_)).subspan(sizeof(Header)));
  row_offsets_.push_back(front_.size());
  for (std::uint64_t i = 0; i < shard_count; ++i) {
    ShapesOfShard shard;
    shard.samples = cursor.take<std::uint64_t>();
    shard.end_offset = cursor.take<std::uint64_t>();
    shard.rows_hash = cursor.take<std::uint64_t>();
    shard.name = cursor.take_text(cursor.take<std::uint32_t>());
    if (shard.samples > (kLargestFileBytes - row_offsets_.back()) / sizeof(SampleShape))
      throw refusal(path_, fmt::format("it is said to hold {} samples of {}", shard.samples, shard.name));
    row_offsets_.push_back(row_offsets_.back() + shard.samples * sizeof(SampleShape));
    place_of_name_.emplace(shard.name, i);
    shards_.push_back(std::move(shard));
  }
  if (!cursor.is_at_end()) throw refusal(path_, "its table has another length");
}

const ShapesOfShard* ShapesFile::find(std::string_view shard) const {
  const auto place = place_of_name_.find(std::string(shard));
  return place == place_of_name_.end() ? nullptr : &shards_[place->second];
}

std::vector<SampleShape> ShapesFile::read_rows(std::string_view shard, const File& from) const {
  const ShapesOfShard* const entry = find(shard);
  if (entry == nullptr) throw refusal(path_, fmt::format("it does not know shard {}", shard));
  std::vector<SampleShape> rows(entry->samples);
  from.read_exactly(std::as_writable_bytes(std::span(rows)),
                    row_offsets_[static_cast<std::size_t>(entry - shards_.data())]);
  if (hash_of_rows(rows) != entry->rows_hash)
    throw refusal(from.path(), fmt::format("the rows of {} are damaged", shard));
  return rows;
}

}  // namespace dfm::data
