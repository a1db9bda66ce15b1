#include "ckpt/checkpoint.h"
#include "ckpt/saver.h"

namespace dfm::ckpt {

void save_checkpoint(const comm::Group& world, const std::filesystem::path& root, Manifest manifest,
                     const std::vector<Piece>& pieces) {
  Saver(world, {.root = root, .retention = {}}).save_now(std::move(manifest), pieces);
}

}  // namespace dfm::ckpt
