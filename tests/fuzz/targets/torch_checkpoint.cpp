// A dict of tensors, as torch.save wrote it.
#include "ckpt/import/foreign.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(torch_checkpoint) {
  const auto path = dfm::fuzz::write_input("model.pth", dfm::fuzz::text_of(input));
  dfm::ckpt::Source source = dfm::ckpt::open_torch_files({path});
  dfm::ckpt::sort_out(source);
}
