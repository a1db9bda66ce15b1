// The pieces of tensors that one rank owns, as they lie in its file: /KIND/PARAMETER@BEGIN is a flat range of
// the row-major global tensor, with its global shape as an attribute. Any layout can load any other, because
// a reader asks for global ranges.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/hdf5_file.h"
#include "core/array.h"

namespace dfm::ckpt {

// What a training run saves for each parameter.
inline constexpr const char* kWeights = "weights";  // float32 master weights
inline constexpr const char* kFirstMoment = "exp_avg";
inline constexpr const char* kSecondMoment = "exp_avg_sq";
inline constexpr const char* kMovingAverage = "ema";

struct Piece {
  std::string kind;
  std::string parameter;
  Shape global_shape;
  std::int64_t begin = 0;  // in the flattened global tensor
  std::span<const float> values;
};

// Writes a rank's file under a temporary name and makes it durable.
void write_pieces(const std::filesystem::path& path, const std::vector<Piece>& pieces);

// Reads global ranges from the files of a checkpoint, which it opens as it needs them.
class PieceReader {
 public:
  // files in the order in which they are searched: a rank's own first.
  explicit PieceReader(std::vector<std::filesystem::path> files);

  // Fills out with elements [begin, begin + out.size()) of the flattened tensor. Throws a data error when the
  // shape differs or a part is in no file.
  void read(const std::string& kind, const std::string& parameter, const Shape& global_shape,
            std::int64_t begin, std::span<float> out);

  // Name and global shape of every parameter of this kind, in name order. Opens all files.
  std::map<std::string, Shape> parameters(const std::string& kind);

 private:
  struct Stored {
    std::size_t file;
    std::string dataset;
    std::int64_t begin, count;
  };

  // Opens the next file and learns what it holds; false when all are open.
  bool open_next();
  void add(std::size_t file, const std::string& kind, const std::string& dataset);
  // The piece that holds element `at`, among the files opened so far.
  const Stored* find(const std::string& key, std::int64_t at) const;
  void require_shape(const std::string& key, const std::string& parameter, const Shape& shape) const;

  std::vector<std::filesystem::path> paths_;
  std::vector<Hdf5File> files_;
  // By "kind/parameter".
  std::map<std::string, Shape> shapes_;
  std::map<std::string, std::map<std::int64_t, Stored>> pieces_;  // then by begin
};

}  // namespace dfm::ckpt
