// UTF-8 for C libraries that ask the locale, which is plain ASCII unless a program asks for more.
#pragma once

#include <clocale>

namespace dfm::media {

// While one lives, character sets on this thread are UTF-8: libarchive turns names into the locale's. Without
// effect on a system that lacks the locale C.UTF-8.
class Utf8Locale {
 public:
  Utf8Locale();
  ~Utf8Locale();
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t before_;
};

}  // namespace dfm::media
