// Finding checkpoints: what lies below a folder, what of it is whole.
#include <algorithm>
#include <charconv>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include "ckpt/checkpoint.h"
#include "ckpt/local_union.h"
#include "ckpt/pointer.h"
#include "ckpt/quarantine.h"
#include "ckpt/tier.h"
#include "ckpt/verified_file.h"
#include "comm/agree.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "core/system_error.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "iter_";

// The step of a folder name "iter_0001000"; negative for any other name.
std::int64_t step_of(const fs::path& folder) {
  const std::string name = (folder.has_filename() ? folder : folder.parent_path()).filename().native();
  if (!name.starts_with(kPrefix)) return -1;
  std::int64_t step = -1;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  return error == std::errc{} && rest == end ? step : -1;
}

// What lies in a node's folder is a part of a checkpoint.
Error missing_file(const fs::path& folder, const Manifest& manifest, const std::string& name) {
  if (manifest.tier != kLocalTier) return data_error(fmt::format("{} is missing", name));
  const auto here = std::ranges::count_if(manifest.files, [&](const FileRecord& file) {
    std::error_code ignored;
    return fs::exists(folder / file.name, ignored);
  });
  return data_error(
      fmt::format("it is a node's part of a node-local checkpoint: {} of {} files are here, "
                  "others on {}",
                  here, manifest.files.size(), fmt::join(manifest.hosts, ", ")));
}

void require_sizes(const fs::path& folder, const Manifest& manifest) {
  for (const FileRecord& file : manifest.files) {
    std::error_code error;
    const auto size = fs::file_size(folder / file.name, error);
    if (error) throw missing_file(folder, manifest, file.name);
    if (size != file.size_bytes) {
      throw data_error(fmt::format("{} has {} bytes instead of {}", file.name, size, file.size_bytes));
    }
  }
}

// A folder without a manifest is what is left of an interrupted save; it was never announced. A folder that
// cannot be looked into may have been.
bool was_announced(const fs::path& folder) {
  std::error_code error;
  return fs::status(folder / kManifestName, error).type() != fs::file_type::not_found;
}

Listed look_at(const fs::path& folder) {
  Listed listed;
  listed.folder = folder;
  listed.step = step_of(folder);
  if (!was_announced(folder)) {
    listed.problem = "it has no manifest: the save was not finished";
    return listed;
  }
  try {
    Manifest manifest = with_retries([&] { return read_manifest(folder); });
    require_sizes(folder, manifest);
    listed.manifest = std::move(manifest);
  } catch (...) {
    const Error error = to_error(std::current_exception());
    listed.problem = error.what();
    listed.problem_kind = error.kind();
  }
  return listed;
}

// Collective: every rank must find the folder whole, and load it. False, with the problem, where it is
// damaged.
bool loads(const comm::Group& world, Listed& listed, const std::function<void(const Listed&)>& load) {
  try {
    comm::agreed(world, [&] {
      StopToken::throw_if_requested();
      if (!listed.manifest) throw Error(listed.problem_kind, listed.problem);
    });
    load(listed);
    return true;
  } catch (const comm::AgreedError& error) {
    if (error.kind() != ExitCode::data) throw;
    listed.problem = error.what();
    return false;
  }
}

void tell_of_damage(const Listed& listed, Damaged damaged) {
  log::warn("{} cannot be used: {}", listed.folder.native(), listed.problem);
  if (damaged == Damaged::leave) return;
  const fs::path aside = set_aside(listed.folder, listed.problem);
  if (aside != listed.folder) log::warn("it was renamed to {}", aside.native());
}

bool has_set_aside(const fs::path& root) {
  if (!fs::is_directory(root)) return false;
  return std::ranges::any_of(fs::directory_iterator(root),
                             [](const fs::directory_entry& entry) { return is_set_aside(entry.path()); });
}

struct History {
  bool exists = false;
  std::vector<fs::path> candidates;  // newest first
};

// Lowering the pointer goes back on purpose; left behind by a copy or an older backup, it holds back what is
// newer.
void warn_of_newer_ones(const fs::path& root, const Listed& newest, std::int64_t announced) {
  if (newest.step <= announced || !newest.manifest) return;
  log::warn("{} says {}, so the newer {} is left alone; write {} into it, or remove it, to go on from there",
            (root / kPointerName).native(), announced, newest.folder.filename().native(), newest.step);
}

// A folder that lost its manifest looks like a save that was not finished; the pointer knows better.
void warn_of_a_missing_one(const fs::path& root, std::int64_t announced, const History& history) {
  if (!history.candidates.empty() && step_of(history.candidates.front()) == announced) return;
  log::warn("{} says that {} was saved, but it is not there as a whole", (root / kPointerName).native(),
            checkpoint_folder(root, announced).filename().native());
}

History look_for_history(const fs::path& root) {
  const auto newest_announced = read_pointer(root);
  History history{fs::exists(root / kPointerName) || has_set_aside(root), {}};
  const std::vector<Listed> all = list_checkpoints(root);
  if (newest_announced && !all.empty()) warn_of_newer_ones(root, all.front(), *newest_announced);
  for (const Listed& listed : all) {
    if (!was_announced(listed.folder) || listed.step > newest_announced.value_or(listed.step)) continue;
    history.exists = true;
    history.candidates.push_back(listed.folder);
  }
  if (newest_announced) warn_of_a_missing_one(root, *newest_announced, history);
  return history;
}

// Rank 0 looks for all, so that a slow file system cannot show the ranks different folders.
History history_of_rank_0(const comm::Group& world, const fs::path& root) {
  const History mine =
      comm::agreed(world, [&] { return world.rank() == 0 ? look_for_history(root) : History{}; });
  std::string text = mine.exists ? "yes" : "";
  for (const fs::path& folder : mine.candidates) text += "\n" + folder.native();
  std::istringstream lines(world.broadcast_text(text, 0));
  History history;
  std::string line;
  history.exists = std::getline(lines, line) && line == "yes";
  while (std::getline(lines, line)) history.candidates.emplace_back(line);
  return history;
}

}  // namespace

fs::path checkpoint_folder(const fs::path& root, std::int64_t step) {
  return root / fmt::format("{}{:07}", kPrefix, step);
}

std::vector<Listed> list_checkpoints(const fs::path& root) {
  if (step_of(root) >= 0) return {look_at(root)};
  std::vector<Listed> found;
  if (!fs::exists(root)) return found;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_directory() && step_of(entry.path()) >= 0) found.push_back(look_at(entry.path()));
  }
  std::ranges::sort(found, std::ranges::greater{}, &Listed::step);
  return found;
}

void verify_checksums(const comm::Group& world, const Listed& checkpoint) {
  comm::agreed(world, [&] {
    ensure(checkpoint.manifest.has_value(), "verify_checksums: the checkpoint is not valid");
    const auto& files = checkpoint.manifest->files;
    for (std::size_t i = static_cast<std::size_t>(world.rank()); i < files.size(); i += world.size()) {
      const fs::path path = checkpoint.folder / files[i].name;
      if (hex(with_retries([&] { return VerifiedFile(path).finish(); })) == files[i].xxh3) continue;
      throw data_error(fmt::format("{} does not have the checksum of the manifest", path.native()));
    }
  });
}

namespace {

std::optional<Listed> load_newest_of_tiers(const comm::Group& world, const fs::path& root, Damaged damaged,
                                           const std::function<void(const Listed&)>& load,
                                           LocalUnion* local) {
  const History history = history_of_rank_0(world, root);
  const auto load_local = [&](std::int64_t after) {
    return local != nullptr ? local->load_newer(after, load) : std::nullopt;
  };
  for (const fs::path& folder : history.candidates) {
    if (auto loaded = load_local(step_of(folder))) return loaded;
    Listed candidate = look_at(folder);
    if (loads(world, candidate, load)) return candidate;
    if (world.rank() == 0) tell_of_damage(candidate, damaged);
  }
  if (auto loaded = load_local(-1)) return loaded;
  if (!history.exists && (local == nullptr || !local->met_damage())) return std::nullopt;
  throw comm::AgreedError(
      ExitCode::no_checkpoint, fmt::format("{} has checkpoints, but none of them is valid", root.native()),
      "mend or remove them, or choose another checkpoint.save to start from the beginning");
}

}  // namespace

std::optional<Listed> load_newest(const comm::Group& world, const fs::path& root, Damaged damaged,
                                  const std::function<void(const Listed&)>& load, LocalUnion* local) {
  auto loaded = load_newest_of_tiers(world, root, damaged, load, local);
  if (loaded && local != nullptr) local->went_back();
  return loaded;
}

std::vector<fs::path> piece_files(const Listed& checkpoint, int own_rank) {
  std::vector<fs::path> paths;
  for (const FileRecord& file : checkpoint.manifest->files) paths.push_back(checkpoint.folder / file.name);
  const auto own = static_cast<std::size_t>(own_rank);
  if (own < paths.size())
    std::rotate(paths.begin(), paths.begin() + static_cast<std::ptrdiff_t>(own), paths.end());
  return paths;
}

}  // namespace dfm::ckpt
