// Safetensors files: the header, then every tensor.
#include "ckpt/safetensors.h"

#include "fuzz/fuzz.h"

FUZZ_TARGET(safetensors) {
  const dfm::ckpt::SafetensorsFile file(dfm::fuzz::write_input("a.safetensors", dfm::fuzz::text_of(input)));
  for (const auto& entry : file.entries()) file.read(entry.name);
}
