#include "ckpt/export/write_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/core.h>

#include "comm/agree.h"
#include "core/convert.h"
#include "core/error.h"
#include "core/file.h"
#include "core/stop_token.h"
#include "core/units.h"
#include "data/zip/crc.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kStartedBytes = 16 * kMiB;  // at a time on their way to the disk

// What one rank copied of one place, and the CRCs of what it read and of what it wrote.
struct Copied {
  std::size_t place = 0;
  std::int64_t begin = 0, count = 0;
  std::uint32_t read_crc = 0, written_crc = 0;
};

// A rank's share of the bytes of all places.
struct Share {
  std::uint64_t begin, end;
};

Share share_of(std::uint64_t total, int rank, int ranks) {
  const auto cut = [&](int r) {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(total) * static_cast<unsigned>(r) /
                                      static_cast<unsigned>(ranks));
  };
  return {cut(rank), cut(rank + 1)};
}

// Collective. Makes all files with their room; fills in the offsets that only a library knows.
void make_files(const comm::Group& world, Plan& plan, const Staging& staging) {
  const std::string mine = comm::agreed(world, [&] {
    std::string text;
    for (std::size_t i = static_cast<std::size_t>(world.rank()); i < plan.files.size();
         i += static_cast<std::size_t>(world.size())) {
      const PlannedFile& planned = plan.files[i];
      const fs::path path = staging.path_of(planned);
      if (!planned.make) {
        File::create(path).reserve(planned.size_bytes);
        continue;
      }
      text += fmt::format("{}", i);
      for (const std::uint64_t offset : planned.make(path)) text += fmt::format(" {}", offset);
      text += "\n";
      File file = File::open_to_write(path);
      file.reserve(file.size());
      file.sync();
    }
    return text;
  });
  std::map<std::size_t, std::vector<std::uint64_t>> offsets;
  for (const std::string& text : world.all_gather_text(mine)) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream numbers(line);
      std::size_t file = 0;
      numbers >> file;
      for (std::uint64_t offset = 0; numbers >> offset;) offsets[file].push_back(offset);
    }
  }
  std::map<std::size_t, std::size_t> used;
  for (Place& place : plan.places) {
    if (const auto found = offsets.find(place.file); found != offsets.end()) {
      place.offset = found->second.at(used[place.file]++);
    }
  }
}

// Copies the share of one rank.
class Copier {
 public:
  Copier(const Plan& plan, const Staging& staging, const WriteSettings& settings, Share share)
      : plan_(plan),
        staging_(staging),
        settings_(settings),
        share_(share),
        progress_("Writing (MiB)", static_cast<std::int64_t>((share.end - share.begin) / kMiB),
                  settings.progress) {}

  // False when asked to stop.
  bool run() {
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < plan_.places.size(); ++i) {
      const Place& place = plan_.places[i];
      if (place.count > 0 && !copy_place(i, at)) return false;
      at += place.size_bytes();
    }
    finish_file();
    return true;
  }

  const std::vector<Copied>& copied() const { return copied_; }

 private:
  // The first element of a place at or behind a byte of all places; its place begins at `at`.
  static std::int64_t element_at(const Place& place, std::uint64_t at, std::uint64_t byte) {
    if (byte <= at) return 0;
    const std::uint64_t element = size_of(place.dtype);
    return std::min(place.count, static_cast<std::int64_t>((byte - at + element - 1) / element));
  }

  bool copy_place(std::size_t index, std::uint64_t at) {
    const Place& place = plan_.places[index];
    const std::int64_t first = element_at(place, at, share_.begin), last = element_at(place, at, share_.end);
    if (first == last) return true;
    use_file(place.file);
    Copied copied{index, first, last - first};
    const auto widest = std::max(size_of(place.dtype), size_of(place.tensor->dtype));
    const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(settings_.slice_bytes / widest));
    for (std::int64_t begin = first; begin < last; begin += step) {
      if (StopToken::requested()) return false;
      copy_slice(place, begin, std::min(step, last - begin), copied);
    }
    copied_.push_back(copied);
    return true;
  }

  void copy_slice(const Place& place, std::int64_t begin, std::int64_t count, Copied& copied) {
    const SourceTensor& tensor = *place.tensor;
    read_.resize(static_cast<std::size_t>(count) * size_of(tensor.dtype));
    tensor.read(place.begin + begin, read_);
    const bool is_converted = tensor.dtype != place.dtype;
    if (is_converted) {
      converted_.resize(static_cast<std::size_t>(count) * size_of(place.dtype));
      convert_elements(read_, tensor.dtype, converted_, place.dtype);
    }
    const std::vector<std::byte>& written = is_converted ? converted_ : read_;
    if (tensor.crc32) copied.read_crc = data::extend_crc32(copied.read_crc, read_);
    if (plan_.finish) {
      const bool is_known = tensor.crc32 && !is_converted;
      copied.written_crc = is_known ? copied.read_crc : data::extend_crc32(copied.written_crc, written);
    }
    write(written, place.offset + static_cast<std::uint64_t>(begin) * size_of(place.dtype));
    note_progress(written.size());
  }

  void write(std::span<const std::byte> bytes, std::uint64_t offset) {
    file_->write_at(bytes, offset);
    if (unstarted_bytes_ == 0) unstarted_from_ = offset;
    unstarted_bytes_ = offset + bytes.size() - unstarted_from_;
    if (unstarted_bytes_ < kStartedBytes) return;
    file_->start_writing(unstarted_from_, unstarted_bytes_);
    unstarted_bytes_ = 0;
  }

  void note_progress(std::uint64_t bytes) {
    unreported_bytes_ += bytes;
    progress_.advance(static_cast<std::int64_t>(unreported_bytes_ / kMiB));
    unreported_bytes_ %= kMiB;
  }

  void use_file(std::size_t index) {
    if (file_ && index == file_index_) return;
    finish_file();
    file_ = File::open_to_write(staging_.path_of(plan_.files[index]));
    file_index_ = index;
  }

  void finish_file() {
    if (!file_) return;
    unstarted_bytes_ = 0;
    file_->sync();
    file_->close();
    file_.reset();
  }

  const Plan& plan_;
  const Staging& staging_;
  const WriteSettings& settings_;
  Share share_;
  Progress progress_;
  std::uint64_t unreported_bytes_ = 0;
  std::uint64_t unstarted_from_ = 0, unstarted_bytes_ = 0;  // written, but not yet on its way to the disk
  std::vector<Copied> copied_;
  std::vector<std::byte> read_, converted_;
  std::optional<File> file_;
  std::size_t file_index_ = 0;
};

// Collective. What all ranks copied, in the order of places and elements.
std::vector<Copied> gather(const comm::Group& world, const std::vector<Copied>& mine) {
  std::string text;
  for (const Copied& c : mine) {
    text += fmt::format("{} {} {} {} {}\n", c.place, c.begin, c.count, c.read_crc, c.written_crc);
  }
  std::vector<Copied> all;
  for (const std::string& part : world.all_gather_text(text)) {
    std::istringstream fields(part);
    for (Copied c; fields >> c.place >> c.begin >> c.count >> c.read_crc >> c.written_crc;) all.push_back(c);
  }
  std::ranges::sort(all, {}, [](const Copied& c) { return std::pair(c.place, c.begin); });
  return all;
}

// Pieces of a tensor stand in the plan in the order of its elements.
void require_source_crcs(const Plan& plan, const std::vector<Copied>& all) {
  std::map<const SourceTensor*, std::uint32_t> crcs;
  for (const Copied& c : all) {
    const SourceTensor* const tensor = plan.places[c.place].tensor;
    const auto bytes = static_cast<std::uint64_t>(c.count) * size_of(tensor->dtype);
    auto& crc = crcs.try_emplace(tensor, 0U).first->second;
    crc = data::join_crc32(crc, c.read_crc, bytes);
  }
  for (const auto& [tensor, crc] : crcs) {
    if (tensor->crc32) require_crc(tensor->name, crc, *tensor->crc32);
  }
}

std::vector<std::uint32_t> written_crcs(const Plan& plan, const std::vector<Copied>& all) {
  std::vector<std::uint32_t> crcs(plan.places.size(), 0U);
  for (const Copied& c : all) {
    const auto bytes = static_cast<std::uint64_t>(c.count) * size_of(plan.places[c.place].dtype);
    crcs[c.place] = data::join_crc32(crcs[c.place], c.written_crc, bytes);
  }
  return crcs;
}

void write_fixed(File& file, const std::vector<FixedBytes>& fixed) {
  for (const FixedBytes& part : fixed) file.write_at(part.bytes, part.offset);
}

void write_rest(const Plan& plan, const Staging& staging, const std::vector<Copied>& all) {
  for (std::size_t i = 0; i < plan.files.size(); ++i) {
    if (plan.files[i].fixed.empty() && !plan.finish) continue;
    File file = File::open_to_write(staging.path_of(plan.files[i]));
    write_fixed(file, plan.files[i].fixed);
    if (plan.finish) write_fixed(file, plan.finish(written_crcs(plan, all)));
    file.sync();
    file.close();
  }
}

// Collective.
void run_checks(const comm::Group& world, const Plan& plan) {
  comm::agreed(world, [&] {
    std::size_t number = 0;
    const auto size = static_cast<std::size_t>(world.size()), rank = static_cast<std::size_t>(world.rank());
    const SourceTensor* last = nullptr;
    for (const Place& place : plan.places) {
      if (place.tensor == last) continue;
      last = place.tensor;
      for (const StoredCheck& check : place.tensor->checks) {
        if (number++ % size == rank && !StopToken::requested()) check.run();
      }
    }
  });
}

}  // namespace

bool write_plan(const comm::Group& world, Plan plan, const Staging& staging, const WriteSettings& settings) {
  run_checks(world, plan);
  make_files(world, plan, staging);
  std::uint64_t total = 0;
  for (const Place& place : plan.places) total += place.size_bytes();
  Copier copier(plan, staging, settings, share_of(total, world.rank(), world.size()));
  const bool is_mine_whole = comm::agreed(world, [&] { return copier.run(); });
  std::int64_t whole = is_mine_whole ? 1 : 0;
  world.all_reduce_min(std::span(&whole, 1));
  if (whole == 0) return false;
  const std::vector<Copied> all = gather(world, copier.copied());
  comm::agreed(world, [&] {
    require_source_crcs(plan, all);
    if (world.rank() == 0) write_rest(plan, staging, all);
  });
  return true;
}

}  // namespace dfm::ckpt
