// The beginnings of pictures, as dfm_index --media-metadata-by-... reads them.
#include "data/media_rows/image_header.h"

#include "core/error.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(image_header) {
  const auto header = dfm::data::read_image_header(input);
  if (!header) return;
  dfm::ensure(dfm::data::begins_known_image(input), "a picture that was read begins as one");
  dfm::ensure(header->width > 0 && header->height > 0 && !header->mode.empty(), "a header is whole");
}
