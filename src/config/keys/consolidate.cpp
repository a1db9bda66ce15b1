// [consolidate]: from a checkpoint to files for others, and back.
#include "config/keys/sections.h"

namespace dfm::keys {

std::vector<Key> consolidate_keys() {
  return {
      text("consolidate.checkpoint", {},
           "Folder of checkpoints (its newest valid one is taken), an iter_* folder, or what others wrote: a "
           "folder with .metadata and *.distcp, with model_rank_0.pt, ..., or with "
           "model.safetensors.index.json, a .pth, .pt or .safetensors file, or the folder of a WAN 2.1 "
           "(transformer, or the pipeline around it) that diffusers saved"),
      text("consolidate.output", {},
           "What to write: a file ending in .safetensors, .pth or .h5, or a folder; its name selects the "
           "format"),
      choice("consolidate.format", "auto",
             {"auto", "safetensors", "parts", "pth", "hdf5", "checkpoint", "diffusers"},
             "Format, where the name does not say it; parts: safetensors files with an index; diffusers: a "
             "folder for WanTransformer3DModel.from_pretrained, of model.family=wan"),
      flag("consolidate.ema", false, "Export the moving average instead of the weights themselves"),
      choice("consolidate.dtype", "stored", {"stored", "float32", "bfloat16", "float16"},
             "Element type of the exported weights; stored: as in the checkpoint"),
      text("consolidate.max_part_size", {}, "Largest part, such as 5GB or 512MiB; null: 5GB"),
      text("consolidate.max_memory", "256MiB",
           "Most memory of a rank, the program itself included; larger tensors are written slice by slice"),
      integer("consolidate.ranks", {}, "Write a checkpoint for this many ranks, to train from")
          .at_least(1)
          .at_most(99999),
      flag("consolidate.list", false, "Print the checkpoints: step, time, size, ranks, valid, why not"),
      flag("consolidate.verify", false, "Compare every checksum; exit code 5 where one differs"),
      flag("consolidate.json", false, "Print --list and --verify as JSON"),
      flag("consolidate.dry_run", false, "Print what would be written, and write nothing"),
  };
}

}  // namespace dfm::keys
