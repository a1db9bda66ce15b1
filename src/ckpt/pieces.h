// The pieces of tensors that one rank owns, as they lie in its file: /KIND/PARAMETER@BEGIN is a flat range of
// the row-major global tensor, with its global shape as an attribute. Any layout can load any other, because
// a reader asks for global ranges.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/hdf5_file.h"
#include "ckpt/manifest.h"
#include "ckpt/verified_file.h"
#include "core/array.h"
#include "core/stripe.h"

namespace dfm::ckpt {

// What a training run saves for each parameter.
inline constexpr const char* kWeights = "weights";  // float32 master weights
inline constexpr const char* kFirstMoment = "exp_avg";
inline constexpr const char* kSecondMoment = "exp_avg_sq";
inline constexpr const char* kMovingAverage = "ema";

// Values in memory that the host does not see, as a GPU's: only a snapshot of them can be written.
struct DistantValues {
  std::size_t count = 0;
  std::function<void(std::span<float> out)> copy = {};  // called by the thread that takes the snapshot
};

struct Piece {
  std::string kind;
  std::string parameter;
  Shape global_shape;
  std::int64_t begin = 0;             // in the flattened global tensor, or in the stripe
  std::span<const float> values;      // empty where they are distant
  std::optional<Stripe> stripe = {};  // none: a flat range
  DistantValues distant = {};

  bool is_distant() const { return distant.count > 0; }
  std::size_t count() const { return is_distant() ? distant.count : values.size(); }
};

// Elements of a tensor from number `begin` of a stripe on.
struct PieceRange {
  const Shape& global_shape;
  Stripe stripe;
  std::int64_t begin = 0;
};

// BEGIN, or BEGIN:FIRST+WIDTH|ROW: a piece's place in its name.
std::string place_text(const Piece& piece);

// The attribute of a piece that holds the shape of its tensor.
inline constexpr const char* kShapeAttribute = "global_shape";

// Writes a rank's file under a temporary name and makes it durable. Returns its name, size and checksums,
// which are those of the values in memory.
FileRecord write_pieces(const std::filesystem::path& path, const std::vector<Piece>& pieces);

// Reads global ranges from the files of a checkpoint, which it opens as it needs them.
class PieceReader {
 public:
  // files in the order in which they are searched: a rank's own first.
  explicit PieceReader(std::vector<std::filesystem::path> files);
  // The same of files whose checksums are known: what describes a file is checked before it is used, its
  // values when require_checksum is called.
  // First is the number of the file that is searched first.
  PieceReader(const std::filesystem::path& folder, std::vector<FileRecord> records, std::size_t first);

  // Fills out with elements [begin, begin + out.size()) of the flattened tensor. Throws a data error when the
  // shape differs or a part is in no file.
  void read(const std::string& kind, const std::string& parameter, const Shape& global_shape,
            std::int64_t begin, std::span<float> out);

  // The same from an element of a stripe on.
  void read(const std::string& kind, const std::string& parameter, const PieceRange& range,
            std::span<float> out);

  // Throws a data error unless this file has its checksum. What was read of it front to back is not read
  // again.
  void require_checksum(const FileRecord& record);

  // Name and global shape of every parameter of this kind, in name order. Opens all files.
  std::map<std::string, Shape> parameters(const std::string& kind);

 private:
  struct Stored {
    std::size_t file;
    std::string dataset;
    std::int64_t begin, count;
    std::optional<std::uint64_t> offset;  // of the values in the file, where they can be read past HDF5
  };
  struct OpenFile {
    Hdf5File description;
    VerifiedFile content;
  };

  // Opens the next file and learns what it holds; false when all are open.
  bool open_next();
  void require_head(VerifiedFile& content, std::size_t index) const;
  void read_part(const Stored& stored, std::int64_t first, std::span<float> out);
  void add(std::size_t file, const std::string& kind, const std::string& dataset);
  // Stored elements from `first` on that are, in this order, what was asked for.
  struct Found {
    const Stored* stored = nullptr;
    std::int64_t first = 0, count = 0;
  };
  using Pieces = std::map<std::int64_t, Stored>;  // of one stripe, by begin

  // The piece that holds this element, among the files opened so far.
  Found find(const std::string& key, const PieceRange& range) const;
  static Found find(const Pieces& pieces, std::int64_t at);
  void require_shape(const std::string& key, const std::string& parameter, const Shape& shape) const;

  std::vector<std::filesystem::path> paths_;
  std::vector<FileRecord> records_;  // without a name: not known
  std::vector<OpenFile> files_;
  // By "kind/parameter".
  std::map<std::string, Shape> shapes_;
  std::map<std::string, std::map<Stripe, Pieces>> pieces_;
};

}  // namespace dfm::ckpt
