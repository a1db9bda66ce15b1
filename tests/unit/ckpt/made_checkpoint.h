// A checkpoint made without MPI: rank files and a manifest that fits them.
#pragma once

#include <numeric>

#include <fmt/core.h>

#include "ckpt/checkpoint.h"
#include "ckpt/pieces.h"
#include "support/temporary_folder.h"

namespace dfm::ckpt {

inline constexpr std::int64_t kMadeElements = 12;
inline const Shape kMadeShape{4, 3};

// Element i of tensor w of this step.
inline float made_value(std::int64_t step, std::int64_t i) { return static_cast<float>(step * 100 + i) / 7; }

// Below root, with tensor w [4, 3] divided over `ranks` files. Returns its folder.
inline std::filesystem::path make_checkpoint(const std::filesystem::path& root, std::int64_t step,
                                             int ranks = 2,
                                             const std::vector<std::string>& kinds = {kWeights}) {
  const auto folder = checkpoint_folder(root, step);
  std::filesystem::create_directories(folder);
  std::vector<float> values(kMadeElements);
  for (std::int64_t i = 0; i < kMadeElements; ++i) values[static_cast<std::size_t>(i)] = made_value(step, i);
  Manifest manifest;
  manifest.step = step;
  manifest.ranks = ranks;
  manifest.config = {{"model.num_layers", "2"}};
  for (int rank = 0; rank < ranks; ++rank) {
    const std::int64_t begin = kMadeElements * rank / ranks, end = kMadeElements * (rank + 1) / ranks;
    std::vector<Piece> pieces;
    for (const std::string& kind : kinds) {
      pieces.push_back({kind, "w", kMadeShape, begin,
                        std::span(values).subspan(static_cast<std::size_t>(begin),
                                                  static_cast<std::size_t>(end - begin))});
    }
    const std::string name = fmt::format("rank_{:05}.h5", rank);
    manifest.files.push_back(write_pieces(folder / name, pieces));
  }
  testing::write_file(folder / kManifestName, to_text(manifest));
  return folder;
}

inline void flip_bit(const std::filesystem::path& path, std::size_t byte) {
  std::string content = testing::file_content(path);
  content.at(byte) = static_cast<char>(content[byte] ^ 0x10);
  testing::write_file(path, content);
}

}  // namespace dfm::ckpt
