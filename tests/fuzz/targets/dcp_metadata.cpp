// .metadata of torch.distributed.checkpoint.
#include "ckpt/import/dcp_metadata.h"

#include "fuzz/fuzz.h"

FUZZ_TARGET(dcp_metadata) { dfm::ckpt::read_dcp_metadata(dfm::data::ByteRange::of(input)); }
