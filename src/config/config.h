// The configuration of a run: for every declared key a value and where it came from.
//
// Layers are applied in order, later ones win: recipe < --config-file < words on the command line
// (design: three layers of the users' documents, spec/dfm.md section 5.1). Unknown keys are errors that name
// the nearest known one; spellings of the users' documents are aliases.
//
//   Config config(all_keys());
//   config.apply(read_ini_file("my.ini"));
//   const auto steps = config.integer("train.train_iters");
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/key.h"

namespace dfm {

struct KeyTable {
  std::vector<Key> keys;
  std::map<std::string, std::string, std::less<>> aliases;  // spelling in the users' documents -> key
};

// One `section.key = text` of a layer, with its place for messages.
struct Assignment {
  std::string key;
  std::string text;
  std::string origin;  // "recipe dit_s:4", "my.yaml:12", "command line"
};

using Layer = std::vector<Assignment>;

// The origin of a value that nobody gave.
inline constexpr std::string_view kDefaultOrigin = "default";

class Config {
 public:
  explicit Config(const KeyTable& table);

  // Throws a usage error for an unknown key, a value out of range, or two spellings of one key that disagree.
  void apply(const Layer& layer);

  bool is_null(std::string_view key) const;
  bool flag(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  double real(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  const std::vector<std::string>& texts(std::string_view key) const;

  // Null becomes an empty optional.
  std::optional<double> optional_real(std::string_view key) const;
  std::optional<std::int64_t> optional_integer(std::string_view key) const;
  std::optional<std::string> optional_text(std::string_view key) const;

  const std::string& origin(std::string_view key) const;

  // Values as text by key, without origins: what a checkpoint records.
  std::map<std::string, std::string> values_as_text() const;

  // An INI file that gives this configuration again (read_ini_file), with the origin of each value as a
  // comment. Only keys of the given sections; all when empty.
  std::string to_ini(const std::vector<std::string>& sections = {}) const;

 private:
  struct Entry {
    const Key* key;
    Value value;
    std::string origin;
  };

  Entry& find_to_assign(const Assignment& assignment);
  const Entry& entry(std::string_view key) const;
  template <class T>
  const T& get(std::string_view key) const;

  const KeyTable* table_;
  std::map<std::string, Entry, std::less<>> entries_;
};

// The known key nearest to a misspelt one by edit distance, or empty when none is near.
std::string nearest_key(std::string_view misspelt, const KeyTable& table);

}  // namespace dfm
