// Which file of a sample holds which tensor, and in what format: by the extensions that people use.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace dfm::data {

enum class TensorFormat { torch, pickle, npy, npz, safetensors };

struct TensorPart {
  std::string_view extension;  // of the part; one dot may stand before it
  TensorFormat format = TensorFormat::torch;
  std::string_view tensor = {};  // its name, in a format that has names
};

// The first one that a sample has counts.
inline constexpr std::array kLatentParts{TensorPart{"pth", TensorFormat::torch},
                                         TensorPart{"pt", TensorFormat::torch},
                                         TensorPart{"latent.npy", TensorFormat::npy},
                                         TensorPart{"npy", TensorFormat::npy},
                                         TensorPart{"npz", TensorFormat::npz, "latent"},
                                         TensorPart{"safetensors", TensorFormat::safetensors, "latent"}};
inline constexpr std::array kTextParts{TensorPart{"pickle", TensorFormat::pickle},
                                       TensorPart{"pkl", TensorFormat::pickle},
                                       TensorPart{"pyd", TensorFormat::pickle},
                                       TensorPart{"text.npy", TensorFormat::npy},
                                       TensorPart{"npz", TensorFormat::npz, "text"},
                                       TensorPart{"safetensors", TensorFormat::safetensors, "text"}};

// Some writers put the dot into the part's name: KEY..pth (spec/nemo_diffusion.md section 5.1).
constexpr std::string_view without_dot(std::string_view extension) {
  return extension.substr(extension.starts_with('.') ? 1 : 0);
}

// The part of a sample that holds a tensor, and its kind; neither where the sample has none.
template <class Part>
struct FoundPart {
  const Part* part = nullptr;
  const TensorPart* kind = nullptr;

  explicit operator bool() const { return part != nullptr; }
};

// The first of the kinds that the sample has. Of several parts with one extension the last counts, as in the
// reference.
template <class Part>
FoundPart<Part> find_part(const std::vector<Part>& parts, std::span<const TensorPart> kinds) {
  for (const TensorPart& kind : kinds) {
    FoundPart<Part> found;
    for (const Part& part : parts) {
      if (without_dot(part.extension) == kind.extension) found = {&part, &kind};
    }
    if (found) return found;
  }
  return {};
}

}  // namespace dfm::data
