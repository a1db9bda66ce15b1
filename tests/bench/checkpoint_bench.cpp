// Saving and loading a checkpoint beside the same bytes written and read plainly, in turns on the same disk.
// tests/bench/checkpoint.py runs it and adds the Python peers.
//
//   mpirun -n RANKS checkpoint_bench FOLDER MIB
//
// Prints {"what": ..., "seconds": ...} a line for the whole of all ranks together.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "ckpt/checkpoint.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/file.h"

namespace {

using namespace dfm;
namespace fs = std::filesystem;
using Values = std::vector<float>;

constexpr std::size_t kChunkBytes = 16U << 20U;
constexpr std::size_t kTensorFloats = 768U * 3072U;  // the widest matrix of DiT-B's MLP

struct Bench {
  const comm::Group& world;
  fs::path folder;
  Values values;                    // of this rank
  std::vector<ckpt::Piece> pieces;  // the same
};

template <class Body>
void report(const Bench& bench, const char* what, Body&& body) {
  bench.world.barrier();
  const auto start = std::chrono::steady_clock::now();
  body();
  bench.world.barrier();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (bench.world.rank() != 0) return;
  fmt::print("{{\"what\": \"{}\", \"seconds\": {:.6f}}}\n", what, seconds.count());
  std::fflush(stdout);
}

Values fill(std::size_t count, int rank) {
  Values values(count);
  std::uint32_t state = 12345U + static_cast<std::uint32_t>(rank);
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state) * 0x1p-32F - 0.5F;
  }
  return values;
}

// Tensors of three kinds, as training saves them; this rank owns an equal range of each.
std::vector<ckpt::Piece> cut(std::span<const float> values, const comm::Group& world) {
  const std::vector<std::string> kinds{ckpt::kWeights, ckpt::kFirstMoment, ckpt::kSecondMoment};
  std::vector<ckpt::Piece> pieces;
  for (std::size_t number = 0; !values.empty(); ++number) {
    const auto part =
        values.first(std::min(kTensorFloats / static_cast<std::size_t>(world.size()), values.size()));
    const auto count = static_cast<std::int64_t>(part.size());
    pieces.push_back({kinds[number % kinds.size()],
                      fmt::format("blocks.{}.mlp.weight", number / kinds.size()), Shape{count * world.size()},
                      count * world.rank(), part});
    values = values.subspan(part.size());
  }
  return pieces;
}

fs::path raw_path(const Bench& bench) { return bench.folder / fmt::format("raw_{}.bin", bench.world.rank()); }

void write_raw(const Bench& bench) {
  File file = File::create(raw_path(bench));
  auto bytes = std::as_bytes(std::span(bench.values));
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min(kChunkBytes, bytes.size()));
    file.append(chunk);
    bytes = bytes.subspan(chunk.size());
  }
  file.close();
  const int descriptor = ::open(raw_path(bench).c_str(), O_RDONLY);
  ensure(::fsync(descriptor) == 0, "fsync");
  ::close(descriptor);
  sync_folder(bench.folder);
}

void read_raw(const Bench& bench, Values& into) {
  const File file = File::open_to_read(raw_path(bench));
  const auto bytes = std::as_writable_bytes(std::span(into));
  for (std::size_t at = 0; at < bytes.size(); at += kChunkBytes) {
    file.read_exactly(bytes.subspan(at, std::min(kChunkBytes, bytes.size() - at)), at);
  }
}

void load(const Bench& bench, Values& into) {
  const auto found = ckpt::find_newest_valid(bench.world, bench.folder / "checkpoints");
  ckpt::PieceReader reader(ckpt::piece_files(*found, bench.world.rank()));
  for (const ckpt::Piece& piece : bench.pieces) {
    const auto at = static_cast<std::size_t>(piece.values.data() - bench.values.data());
    reader.read(piece.kind, piece.parameter, piece.global_shape, piece.begin,
                std::span(into).subspan(at, piece.values.size()));
  }
}

void drop_caches(const Bench& bench) {
  bench.world.barrier();
  for (const auto& entry : fs::recursive_directory_iterator(bench.folder)) {
    if (!entry.is_regular_file()) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDONLY);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
}

void save(const Bench& bench) {
  ckpt::Manifest manifest;
  manifest.step = 1;
  ckpt::save_checkpoint(bench.world, bench.folder / "checkpoints", manifest, bench.pieces);
}

void measure(const Bench& bench) {
  Values copy(bench.values.size());
  const auto same_bytes = [&](const char* what) {
    ensure(std::memcmp(copy.data(), bench.values.data(), copy.size() * sizeof(float)) == 0, what);
    std::memset(copy.data(), 0, copy.size() * sizeof(float));
  };
  report(bench, "memcpy",
         [&] { std::memcpy(copy.data(), bench.values.data(), copy.size() * sizeof(float)); });
  same_bytes("memcpy");
  report(bench, "raw write+fsync", [&] { write_raw(bench); });
  report(bench, "dfm save", [&] { save(bench); });
  drop_caches(bench);
  report(bench, "raw read, cold", [&] { read_raw(bench, copy); });
  same_bytes("raw read");
  report(bench, "raw read, warm", [&] { read_raw(bench, copy); });
  same_bytes("raw read");
  drop_caches(bench);
  report(bench, "dfm load, cold", [&] { load(bench, copy); });
  same_bytes("dfm load");
  report(bench, "dfm load, warm", [&] { load(bench, copy); });
  same_bytes("dfm load");
}

void run(const fs::path& folder, std::size_t mib) {
  const comm::Group world = comm::Group::world();
  const std::size_t count = (mib << 20U) / sizeof(float) / static_cast<std::size_t>(world.size());
  Bench bench{world, folder, fill(count, world.rank()), {}};
  bench.pieces = cut(bench.values, world);
  make_folder(folder / "checkpoints");
  measure(bench);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: checkpoint_bench FOLDER MIB\n", stderr);
    return 2;
  }
  const dfm::comm::MpiRuntime mpi(&argc, &argv);
  run(argv[1], std::stoul(argv[2]));
  return 0;
}
