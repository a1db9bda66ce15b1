// Base64 (RFC 4648 section 4), for images inside a page.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace dfm::report {

std::string base64(std::span<const std::byte> bytes);

}  // namespace dfm::report
