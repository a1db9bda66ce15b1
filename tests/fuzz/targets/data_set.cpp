// The files of a data set's .nv-meta folder that people write and Energon reads.
#include "core/file.h"
#include "data/energon/dataset_metadata.h"
#include "fuzz/fuzz.h"

namespace {

using namespace dfm::data;

// Removes what another target left in its place.
void write_alone(const char* name, const char* other, dfm::fuzz::Input input) {
  dfm::remove_file(dfm::fuzz::folder() / other);
  dfm::fuzz::write_input(name, dfm::fuzz::text_of(input));
}

}  // namespace

FUZZ_TARGET(info) {
  write_alone(kInfoFile, kLegacyInfoFile, input);
  read_dataset_info(dfm::fuzz::folder().path());
}

FUZZ_TARGET(legacy_info) {
  write_alone(kLegacyInfoFile, kInfoFile, input);
  read_dataset_info(dfm::fuzz::folder().path());
}

FUZZ_TARGET(split) {
  write_alone(kSplitFile, kSplitJsonFile, input);
  read_splits(dfm::fuzz::folder().path());
}

FUZZ_TARGET(split_json) {
  write_alone(kSplitJsonFile, kSplitFile, input);
  read_splits(dfm::fuzz::folder().path());
}
