#include "media/utf8_locale.h"

namespace dfm::media {
namespace {

locale_t utf8() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

}  // namespace

Utf8Locale::Utf8Locale() : before_(uselocale(utf8())) {}

Utf8Locale::~Utf8Locale() { uselocale(before_); }

}  // namespace dfm::media
