#include "ckpt/export/write_plan.h"

#include <map>
#include <sstream>

#include <fmt/core.h>

#include "ckpt/export/share_copier.h"
#include "comm/agree.h"
#include "core/file.h"
#include "core/stop_token.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

// Makes this rank's share of the files. Returns a line for each whose library chose the offsets: its number,
// and they.
std::string make_share_of_files(const comm::Group& world, const Plan& plan, const Staging& staging) {
  std::string text;
  const auto ranks = static_cast<std::size_t>(world.size());
  for (auto i = static_cast<std::size_t>(world.rank()); i < plan.files.size(); i += ranks) {
    StopToken::throw_if_requested();  // there may be a hundred thousand of them
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
}

using OffsetsByFile = std::map<std::size_t, std::vector<std::uint64_t>>;

OffsetsByFile parse_offsets(const std::vector<std::string>& texts) {
  OffsetsByFile offsets;
  for (const std::string& text : texts) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream numbers(line);
      std::size_t file = 0;
      numbers >> file;
      for (std::uint64_t offset = 0; numbers >> offset;) offsets[file].push_back(offset);
    }
  }
  return offsets;
}

// Collective. Makes all files with their room; fills in the offsets that only a library knows.
void make_files(const comm::Group& world, Plan& plan, const Staging& staging) {
  const std::string mine = comm::agreed(world, [&] { return make_share_of_files(world, plan, staging); });
  const OffsetsByFile offsets = parse_offsets(world.all_gather_text(mine));
  std::map<std::size_t, std::size_t> used;
  for (Place& place : plan.places) {
    if (const auto found = offsets.find(place.file); found != offsets.end()) {
      place.offset = found->second.at(used[place.file]++);
    }
  }
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
  ShareCopier copier(plan, staging, settings, share_of(total, world.rank(), world.size()));
  const bool is_mine_whole = comm::agreed(world, [&] { return copier.run(); });
  std::int64_t whole = is_mine_whole ? 1 : 0;
  world.all_reduce_min(std::span(&whole, 1));
  if (whole == 0) return false;
  const std::vector<Copied> all = gather_copied(world, copier.copied());
  comm::agreed(world, [&] {
    require_source_crcs(plan, all);
    if (world.rank() == 0) write_rest(plan, staging, all);
  });
  return true;
}

}  // namespace dfm::ckpt
