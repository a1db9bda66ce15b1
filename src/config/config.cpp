#include "config/config.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/edit_distance.h"
#include "core/error.h"

namespace dfm {
namespace {

std::string section_of(std::string_view key) { return std::string(key.substr(0, key.find('.'))); }

std::string_view leaf_of(std::string_view key) { return key.substr(key.rfind('.') + 1); }

// As a JSON string; what is not UTF-8 in it is replaced, since JSON cannot hold it.
std::string in_quotes(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Value parse_assigned(const Key& key, const Assignment& assignment) {
  try {
    return parse_value(key, assignment.text);
  } catch (const Error& error) {
    throw usage_error(fmt::format("{} ({})", error.what(), assignment.origin), error.hint());
  }
}

// A value as read_ini_file reads it back: in quotes where it would be cut, trimmed or split into lines.
std::string ini_text(const Value& value) {
  std::string plain = format_value(value);
  if (!std::holds_alternative<std::string>(value) || plain.empty()) return plain;
  const bool has_edge =
      plain.front() == '"' || plain.front() == '[' || plain.front() == ' ' || plain.back() == ' ';
  const bool has_special =
      std::ranges::any_of(plain, [](unsigned char c) { return c < ' ' || c == ';' || c == '#'; });
  return has_edge || has_special ? in_quotes(plain) : plain;
}

}  // namespace

std::string nearest_key(std::string_view misspelt, const KeyTable& table) {
  static constexpr std::size_t kLongestName = 200;
  if (misspelt.size() > kLongestName) return "";
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(misspelt.size() / 3, 2) + 1;
  const auto consider = [&](const std::string& candidate, const std::string& meant) {
    // The right name in another section is as near as one wrong letter.
    const bool same_leaf = leaf_of(candidate) == leaf_of(misspelt);
    const std::size_t distance = same_leaf ? 1 : edit_distance(misspelt, candidate);
    if (distance >= best_distance) return;
    best_distance = distance;
    best = meant;
  };
  for (const Key& key : table.keys) consider(key.name, key.name);
  for (const auto& [alias, key] : table.aliases) consider(alias, key);
  return best;
}

Config::Config(const KeyTable& table) : table_(&table) {
  for (const Key& key : table.keys) {
    const bool is_new =
        entries_.try_emplace(key.name, Entry{&key, key.default_value, std::string(kDefaultOrigin)}).second;
    ensure(is_new, "a configuration key is declared twice");
  }
}

Config::Entry& Config::find_to_assign(const Assignment& assignment) {
  const auto alias = table_->aliases.find(assignment.key);
  const std::string& name = alias == table_->aliases.end() ? assignment.key : alias->second;
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  const std::string nearest = nearest_key(assignment.key, *table_);
  throw usage_error(
      fmt::format("unknown key '{}' ({})", assignment.key, assignment.origin),
      nearest.empty() ? "--print-config lists all keys" : fmt::format("did you mean {}?", nearest));
}

void Config::apply(const Layer& layer) {
  std::map<std::string, const Assignment*, std::less<>> seen;
  for (const Assignment& assignment : layer) {
    Entry& target = find_to_assign(assignment);
    Value value = parse_assigned(*target.key, assignment);
    const auto [earlier, is_first] = seen.try_emplace(target.key->name, &assignment);
    if (!is_first && earlier->second->key != assignment.key && value != target.value) {
      throw usage_error(
          fmt::format("'{}' and '{}' ({}) are two spellings of {} with different values",
                      earlier->second->key, assignment.key, assignment.origin, target.key->name),
          "give one of them");
    }
    target.value = std::move(value);
    target.origin = assignment.origin;
  }
}

const Config::Entry& Config::entry(std::string_view key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) throw internal_error(fmt::format("key {} is not declared", key));
  return found->second;
}

template <class T>
const T& Config::get(std::string_view key) const {
  const Entry& found = entry(key);
  const T* const value = std::get_if<T>(&found.value);
  if (value == nullptr && std::holds_alternative<std::monostate>(found.value)) {
    throw usage_error(fmt::format("{} is not set", key),
                      fmt::format("give {}=VALUE: {}", key, found.key->help));
  }
  if (value == nullptr) throw internal_error(fmt::format("key {} is read as another type", key));
  return *value;
}

bool Config::is_null(std::string_view key) const {
  return std::holds_alternative<std::monostate>(entry(key).value);
}
bool Config::flag(std::string_view key) const { return get<bool>(key); }
std::int64_t Config::integer(std::string_view key) const { return get<std::int64_t>(key); }
double Config::real(std::string_view key) const { return get<double>(key); }
const std::string& Config::text(std::string_view key) const { return get<std::string>(key); }
const std::vector<std::string>& Config::texts(std::string_view key) const {
  return get<std::vector<std::string>>(key);
}

std::optional<double> Config::optional_real(std::string_view key) const {
  return is_null(key) ? std::nullopt : std::optional(real(key));
}
std::optional<std::int64_t> Config::optional_integer(std::string_view key) const {
  return is_null(key) ? std::nullopt : std::optional(integer(key));
}
std::optional<std::string> Config::optional_text(std::string_view key) const {
  return is_null(key) ? std::nullopt : std::optional(text(key));
}

const std::string& Config::origin(std::string_view key) const { return entry(key).origin; }

std::map<std::string, std::string> Config::values_as_text() const {
  std::map<std::string, std::string> values;
  for (const auto& [name, found] : entries_) values[name] = format_value(found.value);
  return values;
}

std::string Config::to_ini(const std::vector<std::string>& sections) const {
  std::string out, current;
  for (const auto& [name, found] : entries_) {
    const std::string section = section_of(name);
    if (!sections.empty() && std::ranges::find(sections, section) == sections.end()) continue;
    if (section != current) out += fmt::format("{}[{}]\n", current.empty() ? "" : "\n", section);
    current = section;
    const std::string line = fmt::format("{} = {}", name.substr(section.size() + 1), ini_text(found.value));
    out += fmt::format("{:<50} ; {}\n", line, found.origin);
  }
  return out;
}

}  // namespace dfm
