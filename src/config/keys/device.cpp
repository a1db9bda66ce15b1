// [device]: what dfm_train and dfm_sample compute on.
#include "config/keys/sections.h"

namespace dfm::keys {

std::vector<Key> device_keys() {
  return {
      choice("device.type", "auto", {"auto", "cpu", "cuda"},
             "What to compute on; auto: a GPU where the node shows one, ranks of a node taking them in turn"),
      choice(
          "device.collectives", "auto", {"auto", "nccl", "host"},
          "How tensors get from GPU to GPU; auto: by NCCL between ranks that have a GPU each, else through "
          "the host"),
      choice(
          "device.attention", "auto", {"auto", "measure", "cudnn", "flash", "plain"},
          "Kernel of attention on a GPU; auto: by the shape alone, the fastest first; measure: the fastest "
          "of a trial at its first use, which may differ between starts; plain: slow, on CPUs too"),
      flag("device.deterministic", false,
           "Gradients of attention on a GPU that have the same bits each time, which a run needs that shall "
           "go on after a stop as if there had been none; their pass takes 1.2 times as long with 8,192 "
           "tokens, 3 times with 73,728"),
  };
}

}  // namespace dfm::keys
