// Randomness that belongs to the thing, not to the rank.
//
// Every random number of dfm is a pure function philox(seed, stream, key, element): there is no generator
// with a state, so nothing of it is saved, and no layout, world size or restart can change a number.
//
//   const Philox noise(seed, Stream::noise, sample_index);
//   noise.normals(first_element, out);          // elements [first, first + out.size())
//
// Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace dfm {

// What a number is drawn for. The values are part of the reproducibility contract: never renumber.
enum class Stream : std::uint32_t {
  weights = 1,            // key: hash of the parameter name; element: global element index
  noise_level = 2,        // key: global sample index
  noise = 3,              // key: global sample index; element: index in the whole latent
  text_dropout = 4,       // key: global sample index
  data_order = 5,         // key: epoch or block; element: position
  text_embedding = 6,     // key: hash of the word; element: column
  mock_data = 7,          // key: sample index
  sampling_noise = 8,     // key: sample number; element: index in the whole latent
  sampling_churn = 9,     // key: (sample number, step); element: index in the whole latent
  validation_noise = 10,  // key: validation sample; element: index in the whole latent
  blend = 11,             // key: epoch and round of a blend; element: position
};

// The raw block function; public for its known-answer test.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key);

class Philox {
 public:
  Philox(std::uint64_t seed, Stream stream, std::uint64_t key);

  // 32 uniform bits for one element.
  std::uint32_t bits(std::uint64_t element) const;

  // Uniform in (0, 1), never 0 or 1.
  double uniform(std::uint64_t element) const;

  // Standard normal for one element (the same value `normals` gives).
  float normal(std::uint64_t element) const;

  // out[i] = standard normal of element first + i. The transform (Box-Muller with fixed polynomials for log,
  // sine and cosine, correctly rounded operations only) gives the same bits on every CPU.
  void normals(std::uint64_t first, std::span<float> out) const;

  // Uniform integer in [0, bound); bound > 0. Unbiased to 2^-32 for bounds below 2^32.
  std::uint64_t below(std::uint64_t bound, std::uint64_t element) const;

 private:
  std::array<std::uint32_t, 4> block(std::uint64_t index) const;

  std::array<std::uint32_t, 2> philox_key_;
  std::uint64_t key_;
};

// 64-bit key of a name, for streams keyed by text.
std::uint64_t name_key(std::string_view name);

}  // namespace dfm
