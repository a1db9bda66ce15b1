#include "ckpt/retention.h"

#include <algorithm>
#include <limits>
#include <system_error>

#include "ckpt/checkpoint.h"
#include "ckpt/manifest_lock.h"
#include "ckpt/pointer.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;

void remove_checkpoint(const fs::path& folder) {
  try {
    remove_file(folder / kManifestName);
    sync_folder(folder);
    fs::remove_all(folder);
  } catch (...) {
    log::warn("cannot remove the old checkpoint {}: {}", folder.native(),
              to_error(std::current_exception()).what());
  }
}

std::vector<std::int64_t> dispensable(std::vector<std::int64_t> steps, const Retention& retention) {
  if (retention.most_recent < 0) return {};
  std::ranges::sort(steps, std::ranges::greater{});
  const auto kept = static_cast<std::size_t>(std::max<std::int64_t>(retention.most_recent, 1));
  steps.erase(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(std::min(kept, steps.size())));
  if (retention.every > 0)
    std::erase_if(steps, [&](std::int64_t step) { return step % retention.every == 0; });
  return steps;
}

namespace {

// What is read now is removed when the next checkpoint is there.
void remove_unless_read(const fs::path& folder) {
  if (const auto lock = ManifestLock::to_remove(folder)) {
    remove_checkpoint(folder);
  } else {
    log::info("{} is being read by another program and stays until the next checkpoint", folder.native());
  }
}

}  // namespace

void prune_checkpoints(const fs::path& root, const Retention& retention) {
  if (retention.most_recent < 0) return;
  const std::int64_t newest_announced = read_pointer(root).value_or(std::numeric_limits<std::int64_t>::max());
  std::vector<std::int64_t> valid;
  for (const Listed& listed : list_checkpoints(root)) {
    if (listed.manifest && listed.step <= newest_announced) valid.push_back(listed.step);
  }
  for (const std::int64_t step : dispensable(std::move(valid), retention))
    remove_unless_read(checkpoint_folder(root, step));
}

}  // namespace dfm::ckpt
