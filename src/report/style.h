// The style sheet that all pages share: light and dark by the reader's preference.
#pragma once

#include <string_view>

namespace dfm::report {

std::string_view page_style();

}  // namespace dfm::report
