// Saving and loading a checkpoint beside the same bytes written and read plainly, in turns on the same disk.
// tests/bench/checkpoint.py runs it and adds the Python peers.
//
//   mpirun -n RANKS checkpoint_bench FOLDER MIB [dfm-first]
//
// Prints {"what": ..., "seconds": ...} a line for the whole of all ranks together. What was written before is
// on the disk before anything is timed; with dfm-first the plain write and read follow dfm's instead of
// preceding them.
//
// Blocked by an asynchronous save is what a step that computes as long as the copy takes longer with a save
// beside it, from the call that begins the save to the end of the wait before the update, and all that later
// steps wait for it until it is committed. "At once" is the same with no step to hide the copy behind.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "ckpt/checkpoint.h"
#include "ckpt/saver.h"
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

// Until all ranks are through it.
template <class Body>
double timed(const Bench& bench, Body&& body) {
  bench.world.barrier();
  const auto start = std::chrono::steady_clock::now();
  body();
  bench.world.barrier();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print(const Bench& bench, const char* what, double seconds) {
  if (bench.world.rank() != 0) return;
  fmt::print("{{\"what\": \"{}\", \"seconds\": {:.6f}}}\n", what, seconds);
  std::fflush(stdout);
}

// Nobody pays for what was written before.
void settle(const Bench& bench) {
  bench.world.barrier();
  if (bench.world.rank() == 0) ::sync();
  bench.world.barrier();
}

template <class Body>
void report(const Bench& bench, const char* what, Body&& body) {
  settle(bench);
  print(bench, what, timed(bench, body));
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

// As Trainer::load does: each rank's own file is checked while it is read.
void load(const Bench& bench, Values& into) {
  const auto read = [&](const ckpt::Listed& checkpoint) {
    const auto rank = static_cast<std::size_t>(bench.world.rank());
    ckpt::PieceReader reader(checkpoint.folder, checkpoint.manifest->files, rank);
    for (const ckpt::Piece& piece : bench.pieces) {
      const auto at = static_cast<std::size_t>(piece.values.data() - bench.values.data());
      reader.read(piece.kind, piece.parameter, piece.global_shape, piece.begin,
                  std::span(into).subspan(at, piece.values.size()));
    }
    reader.require_checksum(checkpoint.manifest->files[rank]);
  };
  ensure(ckpt::load_newest(bench.world, bench.folder / "checkpoints", ckpt::Damaged::leave, read).has_value(),
         "load");
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

ckpt::Manifest manifest_of(std::int64_t step) {
  ckpt::Manifest manifest;
  manifest.step = step;
  return manifest;
}

void save(const Bench& bench) {
  ckpt::save_checkpoint(bench.world, bench.folder / "checkpoints", manifest_of(1), bench.pieces);
}

// Arithmetic in registers, as many rounds as asked.
void compute(std::uint64_t rounds) {
  volatile double kept = 1;
  double value = kept;
  for (std::uint64_t i = 0; i < rounds; ++i) value = value * 0.999999999 + 1e-9;
  kept = value;
}

std::uint64_t rounds_that_take(const Bench& bench, double seconds) {
  static constexpr std::uint64_t kTrial = 20'000'000;
  return static_cast<std::uint64_t>(static_cast<double>(kTrial) * seconds /
                                    timed(bench, [] { compute(kTrial); }));
}

bool is_ready_everywhere(const Bench& bench, const ckpt::Saver& saver) {
  std::array<double, 1> ready{saver.is_ready() ? 1.0 : 0.0};
  bench.world.all_reduce_sum(std::span<double>(ready));
  return ready[0] == bench.world.size();
}

// Goes on with the save in flight as later steps do; returns how long they wait for it.
double waited_until_committed(const Bench& bench, ckpt::Saver& saver) {
  double seconds = 0;
  while (saver.in_flight()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (!is_ready_everywhere(bench, saver)) continue;
    seconds += timed(bench, [&] { saver.advance(); });
  }
  return seconds;
}

// How much longer a step takes that a save begins with.
double blocked(const Bench& bench, ckpt::Saver& saver, std::int64_t step, std::uint64_t rounds) {
  settle(bench);
  const double alone = timed(bench, [&] { compute(rounds); });
  const double with_save = timed(bench, [&] {
    saver.begin(manifest_of(step), bench.pieces);
    compute(rounds);
    saver.wait_for_copy();
  });
  return with_save - alone + waited_until_committed(bench, saver);
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// The median of turns that alternate with plain copies.
void measure_blocking(const Bench& bench, Values& copy) {
  static constexpr std::int64_t kTurns = 5;
  const auto copy_all = [&] { std::memcpy(copy.data(), bench.values.data(), copy.size() * sizeof(float)); };
  const std::unique_ptr<float[]> fresh(new float[copy.size()]);
  print(bench, "memcpy to fresh memory",
        timed(bench, [&] { std::memcpy(fresh.get(), bench.values.data(), copy.size() * sizeof(float)); }));
  ckpt::Saver saver(bench.world, {.root = bench.folder / "asynchronous", .retention = {.most_recent = 1}});
  print(bench, "dfm blocked at once, first save", blocked(bench, saver, 1, 0));
  std::vector<double> plain, at_once, beside_step;
  for (std::int64_t turn = 1; turn <= kTurns; ++turn) {
    settle(bench);
    plain.push_back(timed(bench, copy_all));
    at_once.push_back(blocked(bench, saver, 2 * turn, 0));
    beside_step.push_back(blocked(bench, saver, 2 * turn + 1, rounds_that_take(bench, plain.back())));
  }
  print(bench, "memcpy", median(plain));
  print(bench, "dfm blocked at once", median(at_once));
  print(bench, "dfm blocked by an asynchronous save", median(beside_step));
  bench.world.barrier();
  if (bench.world.rank() == 0) fs::remove_all(bench.folder / "asynchronous");
}

template <class First, class Second>
void in_order(bool swapped, First&& first, Second&& second) {
  if (swapped) second();
  first();
  if (!swapped) second();
}

void measure(const Bench& bench, bool dfm_first) {
  Values copy(bench.values.size());
  const auto same_bytes = [&](const char* what) {
    ensure(std::memcmp(copy.data(), bench.values.data(), copy.size() * sizeof(float)) == 0, what);
    std::memset(copy.data(), 0, copy.size() * sizeof(float));
  };
  measure_blocking(bench, copy);
  same_bytes("memcpy");

  in_order(
      dfm_first, [&] { report(bench, "raw write+fsync", [&] { write_raw(bench); }); },
      [&] { report(bench, "dfm save", [&] { save(bench); }); });
  const auto cold_then_warm = [&](const std::string& what, auto&& read) {
    drop_caches(bench);
    for (const char* const state : {", cold", ", warm"}) {
      report(bench, (what + state).c_str(), [&] { read(bench, copy); });
      same_bytes(what.c_str());
    }
  };
  in_order(
      dfm_first, [&] { cold_then_warm("raw read", read_raw); }, [&] { cold_then_warm("dfm load", load); });
}

void run(const fs::path& folder, std::size_t mib, bool dfm_first) {
  const comm::Group world = comm::Group::world();
  const std::size_t count = (mib << 20U) / sizeof(float) / static_cast<std::size_t>(world.size());
  Bench bench{world, folder, fill(count, world.rank()), {}};
  bench.pieces = cut(bench.values, world);
  make_folder(folder / "checkpoints");
  make_folder(folder / "asynchronous");
  measure(bench, dfm_first);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && !(argc == 4 && std::string_view(argv[3]) == "dfm-first")) {
    std::fputs("usage: checkpoint_bench FOLDER MIB [dfm-first]\n", stderr);
    return 2;
  }
  const bool dfm_first = argc == 4;
  const dfm::comm::MpiRuntime mpi(&argc, &argv);
  run(argv[1], std::stoul(argv[2]), dfm_first);
  return 0;
}
