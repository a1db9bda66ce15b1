// Tables of captions: metadata.csv and metadata.jsonl.
#include "fuzz/fuzz.h"
#include "media/caption_table.h"

FUZZ_TARGET(captions) {
  const auto look = [&](const char* name) {
    dfm::media::read_caption_table(dfm::fuzz::text_of(input), name, [](const dfm::media::CaptionRow&) {});
  };
  look(input.empty() || input.front() == std::byte{'{'} ? "metadata.jsonl" : "metadata.csv");
}
