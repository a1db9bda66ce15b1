#include "ckpt/import/find_source.h"

#include <fmt/format.h>

#include "comm/agree.h"
#include "core/error.h"
#include "core/log.h"

namespace dfm::ckpt {
namespace {

constexpr std::size_t kMostNamed = 5;

void log_left_out(const Source& source) {
  if (source.left_out.empty()) return;
  const std::size_t named = std::min(source.left_out.size(), kMostNamed);
  const auto first = std::span(source.left_out).first(named);
  log::info("{} entries are no weights and are left out: {}{}", source.left_out.size(),
            fmt::join(first, ", "), named < source.left_out.size() ? ", ..." : "");
}

// Collective. Rank 0 has it.
std::shared_ptr<const ManifestLock> locked_to_read(const comm::Group& world, const Listed& checkpoint) {
  return comm::agreed(world, [&]() -> std::shared_ptr<const ManifestLock> {
    if (world.rank() != 0) return nullptr;
    if (auto lock = ManifestLock::to_read(checkpoint.folder))
      return std::make_shared<const ManifestLock>(*std::move(lock));
    throw storage_error(fmt::format("{} was removed when it was to be read", checkpoint.folder.native()),
                        "run again: the run that removed it has newer ones");
  });
}

Source find_own(const comm::Group& world, const std::filesystem::path& path,
                const std::vector<std::string>& kinds) {
  std::shared_ptr<const ManifestLock> lock;
  const auto found = load_newest(world, path, Damaged::leave, [&](const Listed& candidate) {
    lock = locked_to_read(world, candidate);
    verify_checksums(world, candidate);
  });
  if (!found) {
    throw comm::AgreedError(
        ExitCode::no_checkpoint, fmt::format("{} holds no checkpoint", path.native()),
        "give the folder that checkpoint.save named, a folder with .metadata, model_rank_0.pt or "
        "diffusion_pytorch_model.safetensors, or a .pth or .safetensors file");
  }
  Source source = comm::agreed(world, [&] { return open_dfm_source(*found, kinds); });
  source.lock = std::move(lock);
  return source;
}

}  // namespace

Source find_source(const comm::Group& world, const std::filesystem::path& path,
                   const std::vector<std::string>& kinds) {
  const SourceKind kind = comm::agreed(world, [&] { return recognize_source(path); });
  if (kind == SourceKind::dfm) return find_own(world, path, kinds);
  Source source = comm::agreed(world, [&] { return open_foreign_source(path, kind); });
  log_left_out(source);
  return source;
}

}  // namespace dfm::ckpt
