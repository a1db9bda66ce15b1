// Metadatasets; the files that they name are not there.
#include "data/loader/metadataset.h"

#include "fuzz/fuzz.h"

FUZZ_TARGET(metadataset) {
  const auto file = dfm::fuzz::write_input("blend.yaml", dfm::fuzz::text_of(input));
  for (const std::string& split : dfm::data::splits_of_metadataset(file))
    dfm::data::read_metadataset(file, split);
}
