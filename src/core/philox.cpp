// Compiled without contraction of a*b+c (see CMakeLists.txt): the normal transform must not depend on whether
// a CPU has fused multiply-add.
#include "core/philox.h"

#include "core/hash.h"
#include "core/philox_block.h"

namespace dfm {

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  const auto [words] = philox::block({{counter[0], counter[1], counter[2], counter[3]}}, {key[0], key[1]});
  return {words[0], words[1], words[2], words[3]};
}

Philox::Philox(std::uint64_t seed, Stream stream, std::uint64_t key) : key_(key) {
  const philox::Key mixed = philox::key_of(seed, static_cast<std::uint32_t>(stream));
  philox_key_ = {mixed.low, mixed.high};
}

std::array<std::uint32_t, 4> Philox::block(std::uint64_t index) const {
  const auto [words] = philox::block_of(index, key_, {philox_key_[0], philox_key_[1]});
  return {words[0], words[1], words[2], words[3]};
}

std::uint32_t Philox::bits(std::uint64_t element) const { return block(element / 4)[element % 4]; }

double Philox::uniform(std::uint64_t element) const {
  return (static_cast<double>(bits(element)) + 0.5) * 0x1p-32;
}

float Philox::normal(std::uint64_t element) const {
  std::array<float, 4> four;
  const auto words = block(element / 4);
  philox::normals_of({{words[0], words[1], words[2], words[3]}}, four.data());
  return four[element % 4];
}

void Philox::normals(std::uint64_t first, std::span<float> out) const {
  std::size_t done = 0;
  while (done < out.size() && (first + done) % 4 != 0) {
    out[done] = normal(first + done);
    ++done;
  }
  const philox::Key key{philox_key_[0], philox_key_[1]};
  for (; done + 4 <= out.size(); done += 4)
    philox::normals_of(philox::block_of((first + done) / 4, key_, key), &out[done]);
  for (; done < out.size(); ++done) out[done] = normal(first + done);
}

std::uint64_t Philox::below(std::uint64_t bound, std::uint64_t element) const {
  const auto words = block(element);
  const std::uint64_t wide = (static_cast<std::uint64_t>(words[1]) << 32) | words[0];
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(wide) * bound) >> 64);
}

std::uint64_t name_key(std::string_view name) { return hash64(name); }

}  // namespace dfm
