#include "ckpt/local_holdings.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <nlohmann/json.hpp>

#include "ckpt/checkpoint.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/log.h"
#include "core/system_error.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

void add_manifest(Holding& holding, const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  try {
    const std::string text = with_retries([&] { return read_text(path); });
    const Manifest manifest = manifest_from_text(text, path);
    holding.saved_at = manifest.saved_at;
    holding.shared_step = manifest.shared_step;
    holding.id = hex(hash64(text));
  } catch (...) {
    log::warn("{}; another node may have the same", to_error(std::current_exception()).what());
  }
}

Holding look_at_folder(const Listed& listed) {
  Holding holding{.step = listed.step};
  std::error_code error;
  for (fs::directory_iterator entry(listed.folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const auto size = entry->file_size(ignored);
    if (!ignored) holding.files[entry->path().filename().native()] = size;
  }
  if (error) log::warn("cannot read {}: {}", listed.folder.native(), error.message());
  add_manifest(holding, listed.folder);
  return holding;
}

}  // namespace

std::vector<Holding> look_at_holdings(const fs::path& root) {
  std::vector<Holding> holdings;
  try {
    for (const Listed& listed : list_checkpoints(root)) holdings.push_back(look_at_folder(listed));
  } catch (...) {
    log::warn("{}: what this node holds is not used", to_error(std::current_exception()).what());
  }
  return holdings;
}

std::string to_text(const std::vector<Holding>& holdings) {
  Json list = Json::array();
  for (const Holding& each : holdings)
    list.push_back({each.step, each.id, each.saved_at, each.shared_step, each.files});
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Holding> holdings_from_text(const std::string& text) {
  std::vector<Holding> holdings;
  for (const Json& each : parse_json(text, "holdings of a node"))
    holdings.push_back({each[0], each[1], each[2], each[3], each[4]});
  return holdings;
}

int LocalCandidate::manifest_node() const {
  const auto found = std::ranges::find(of_node, id, &Holding::id);
  ensure(found != of_node.end(), "a candidate without a manifest");
  return static_cast<int>(found - of_node.begin());
}

std::optional<int> LocalCandidate::holder(const FileRecord& file, int preferred) const {
  const auto holds = [&](int node) {
    const auto& files = of_node[static_cast<std::size_t>(node)].files;
    const auto found = files.find(file.name);
    return found != files.end() && found->second == file.size_bytes;
  };
  if (holds(preferred)) return preferred;
  for (int node = 0; node < static_cast<int>(of_node.size()); ++node) {
    if (holds(node)) return node;
  }
  return std::nullopt;
}

std::vector<std::string> LocalCandidate::lost(const Manifest& manifest) const {
  std::vector<std::string> names;
  for (const FileRecord& file : manifest.files) {
    if (!holder(file, 0)) names.push_back(file.name);
  }
  return names;
}

std::vector<LocalCandidate> join_holdings(const std::vector<std::vector<Holding>>& holdings) {
  // Newest first; of one step, the attempt that was saved last.
  std::set<std::tuple<std::int64_t, std::string, std::string, std::int64_t>, std::greater<>> found;
  for (const auto& of_node : holdings) {
    for (const Holding& each : of_node) {
      if (!each.id.empty()) found.emplace(each.step, each.saved_at, each.id, each.shared_step);
    }
  }
  std::vector<LocalCandidate> candidates;
  for (const auto& [step, saved_at, id, shared_step] : found) {
    LocalCandidate candidate{step, id, saved_at, shared_step, {}};
    for (const auto& of_node : holdings) {
      const auto fits = [&](const Holding& each) {
        return each.step == candidate.step && (each.id.empty() || each.id == candidate.id);
      };
      const auto its = std::ranges::find_if(of_node, fits);
      candidate.of_node.push_back(its != of_node.end() ? *its : Holding{.step = candidate.step});
    }
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

}  // namespace dfm::ckpt
