// config.json of diffusers' WanTransformer3DModel.
#include "ckpt/wan_names.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(wan_config) {
  const auto path = dfm::fuzz::write_input("config.json", dfm::fuzz::text_of(input));
  dfm::ckpt::wan_names(dfm::ckpt::read_wan_config(path).sizes);
}
