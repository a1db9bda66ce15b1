// A folder of small pictures with captions, and the members of the shards that are made of it.
#pragma once

#include <map>

#include <fmt/core.h>

#include "config/keys.h"
#include "media/image_writer.h"
#include "prepare/prepare.h"
#include "support/temporary_folder.h"

namespace dfm::prepare {

// 24 x 17 pixels, each picture another.
inline media::Image small_picture(int number) {
  media::Image image = media::make_image(24, 17);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<std::uint8_t>(i * static_cast<std::size_t>(number + 3) / 5);
  }
  return image;
}

// p0.png, p1.png, ... with the captions "picture 0", "picture 1", ...
inline void write_pictures(const std::filesystem::path& folder, int count) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    dfm::testing::write_file(folder / fmt::format("p{}.png", i), media::encode_png(small_picture(i)));
    dfm::testing::write_file(folder / fmt::format("p{}.txt", i), fmt::format("picture {}", i));
  }
}

inline PrepareSettings settings_with(const std::filesystem::path& source, const std::filesystem::path& output,
                                     const Layer& more = {}) {
  Config config(all_keys());
  config.apply({{"prepare.source", source.native(), "test"},
                {"prepare.output", output.native(), "test"},
                {"prepare.shard_maxcount", "2", "test"}});
  config.apply(more);
  return prepare_settings(config, at::kCPU);
}

struct Member {
  std::string name, content;
};

// A tar of short names, read by the offsets that POSIX gives: name at 0, size in octal at 124, blocks of 512.
inline std::vector<Member> tar_members(const std::filesystem::path& path) {
  const std::string tar = dfm::testing::file_content(path);
  std::vector<Member> members;
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    const std::size_t size = std::stoul(tar.substr(at + 124, 11), nullptr, 8);
    members.push_back({tar.c_str() + at, tar.substr(at + 512, size)});
    at += 512 + (size + 511) / 512 * 512;
  }
  return members;
}

inline std::vector<std::string> member_names(const std::filesystem::path& path) {
  std::vector<std::string> names;
  for (const Member& member : tar_members(path)) names.push_back(member.name);
  return names;
}

// The shards of a folder, by name.
inline std::map<std::string, std::string> shards_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> shards;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".tar") continue;
    shards[entry.path().filename().native()] = dfm::testing::file_content(entry.path());
  }
  return shards;
}

}  // namespace dfm::prepare
