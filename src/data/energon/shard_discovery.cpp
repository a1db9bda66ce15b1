#include "data/energon/shard_discovery.h"

#include <algorithm>
#include <optional>
#include <regex>
#include <set>
#include <system_error>

#include <fmt/core.h>

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "data/energon/brace_expression.h"
#include "data/energon/python_regex.h"
#include "data/energon/tar_index.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

bool is_shard_name(const fs::path& name) { return name.extension() == ".tar" || name.extension() == ".tgz"; }

// Collects the names below a folder. `above` holds the real paths of the folders on the way down.
class Walker {
 public:
  void visit(const fs::path& folder, const std::string& prefix) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (error) throw system_error("open folder", folder.native(), error.value());
    if (std::ranges::find(above_, real) != above_.end()) return;  // a link back to a folder that we are in
    above_.push_back(real);
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      visit_entry(*entry, prefix);
    }
    above_.pop_back();
    if (error) throw system_error("list", folder.native(), error.value());
  }

  std::vector<std::string> take() { return std::move(names_); }

 private:
  void visit_entry(const fs::directory_entry& entry, const std::string& prefix) {
    const std::string name = entry.path().filename().native();
    if (name.starts_with('.')) return;
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      visit_below(entry.path(), prefix + name + "/");
    } else if (is_shard_name(entry.path())) {
      names_.push_back(prefix + name);
    }
  }

  void visit_below(const fs::path& folder, const std::string& prefix) {
    try {
      visit(folder, prefix);
    } catch (const Error& error) {
      log::warn("{}; the shards in it are left out", error.what());
    }
  }

  std::vector<fs::path> above_;
  std::vector<std::string> names_;
};

// By parts of the path. In UTF-8, the order of bytes is that of code points.
bool comes_before(const std::string& a, const std::string& b) {
  return std::ranges::lexicographical_compare(a, b, [](char x, char y) {
    if (x == y) return false;
    if (x == '/' || y == '/') return x == '/';  // the shorter part comes first
    return static_cast<unsigned char>(x) < static_cast<unsigned char>(y);
  });
}

void remove_excluded(std::vector<std::string>& names, std::string_view exclude) {
  if (exclude.empty()) return;
  const std::regex pattern = python_regex(exclude, "index.exclude");
  std::erase_if(names, [&](const std::string& name) { return std::regex_search(name, pattern); });
}

bool survives_braces(const std::string& name) {
  if (name.find_first_of("{}\\") == std::string::npos) return true;
  try {
    return expand_braces(name) == std::vector{name};
  } catch (const Error&) {
    return false;
  }
}

// Why a file cannot be a shard, before it is opened; empty when it can.
std::optional<std::string> objection(const std::string& name, const fs::path& path) {
  if (!is_utf8(name)) return "its name is not UTF-8: rename it";
  if (!survives_braces(name))
    return "its name holds braces or backslashes, which mean something in split.yaml: rename it";
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return "it is a link to nothing";
  if (error) return fmt::format("it cannot be looked at: {}", error.message());
  if (!fs::is_regular_file(status)) return "it is not a regular file";
  return std::nullopt;
}

}  // namespace

Discovery find_shards(const fs::path& root, std::string_view exclude) {
  Walker walker;
  walker.visit(root, "");
  std::vector<std::string> names = walker.take();
  std::ranges::sort(names, comes_before);
  remove_excluded(names, exclude);

  Discovery discovery;
  std::set<fs::path> indices;
  for (std::string& name : names) {
    const fs::path path = root / name;
    auto reason = objection(name, path);
    if (!reason && !indices.insert(tar_index_path(name)).second) {
      reason = fmt::format("its index {} would replace that of another shard: rename it",
                           tar_index_path(name).native());
    }
    if (reason) {
      discovery.skipped.push_back({std::move(name), *std::move(reason)});
    } else {
      std::error_code ignored;
      discovery.shards.push_back({std::move(name), fs::file_size(path, ignored)});
    }
  }
  return discovery;
}

// Fields end in NUL, which no name holds: for each shard its name and size, an empty field, then name and
// reason of those skipped.
std::string to_text(const Discovery& discovery) {
  std::string text;
  for (const ShardFile& shard : discovery.shards)
    text += fmt::format("{}{}{}{}", shard.name, '\0', shard.size_bytes, '\0');
  text += '\0';
  for (const SkippedShard& shard : discovery.skipped)
    text += fmt::format("{}{}{}{}", shard.name, '\0', shard.reason, '\0');
  return text;
}

Discovery discovery_from_text(std::string_view text) {
  const auto take = [&] {
    const auto end = text.find('\0');
    std::string field(text.substr(0, end));
    text.remove_prefix(end + 1);
    return field;
  };
  Discovery discovery;
  for (std::string name = take(); !name.empty(); name = take()) {
    const std::string size = take();
    discovery.shards.push_back({std::move(name), std::stoull(size)});
  }
  while (!text.empty()) {
    std::string name = take();
    discovery.skipped.push_back({std::move(name), take()});
  }
  return discovery;
}

}  // namespace dfm::data
