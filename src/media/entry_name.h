// Names of things inside a source: relative paths with '/' between their parts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dfm::media {

// Without "." and empty parts. Nothing for a name that is absolute, climbs with "..", is empty or is not
// UTF-8.
std::optional<std::string> clean_name(std::string_view name);

// "flowers/" for "flowers/rose.jpg", "" for "rose.jpg".
std::string_view folder_of(std::string_view name);

// "rose.jpg" for "flowers/rose.jpg".
std::string_view last_part_of(std::string_view name);

// "jpg" for "flowers/rose.JPG"; empty without one.
std::string extension_of(std::string_view name);

// "flowers/rose" for "flowers/rose.jpg".
std::string_view stem_of(std::string_view name);

// Some part begins with a dot: what programs, not people, have put there (.git, .cache, macOS's "._" twins).
bool is_hidden(std::string_view name);

// By extension: png, jpg, jpeg, webp, bmp, tif, tiff, gif.
bool is_image_name(std::string_view name);

// By extension: mp4, mov, webm.
bool is_video_name(std::string_view name);

}  // namespace dfm::media
