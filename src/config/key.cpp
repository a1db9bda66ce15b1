#include "config/key.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace dfm {
namespace {

template <class T>
Value optional_value(const std::optional<T>& value) {
  return value.has_value() ? Value(*value) : Value();
}

Key make_key(std::string name, ValueType type, Value default_value, std::string help) {
  Key key;
  key.name = std::move(name);
  key.type = type;
  key.default_value = std::move(default_value);
  key.help = std::move(help);
  return key;
}

Error refusal(const Key& key, const std::string& text) {
  return usage_error(fmt::format("{} = '{}' is not accepted", key.name, text),
                     fmt::format("it takes: {}", describe_type(key)));
}

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

void check_range(const Key& key, double number, const std::string& text) {
  const bool too_small =
      key.minimum && (key.minimum_is_allowed ? number < *key.minimum : number <= *key.minimum);
  if (too_small || (key.maximum && number > *key.maximum)) throw refusal(key, text);
}

Value parse_integer(const Key& key, const std::string& text) {
  const auto number = parse_number<std::int64_t>(text);
  if (!number) throw refusal(key, text);
  check_range(key, static_cast<double>(*number), text);
  return *number;
}

Value parse_real(const Key& key, const std::string& text) {
  const auto number = parse_number<double>(text);
  if (!number || !std::isfinite(*number)) throw refusal(key, text);
  check_range(key, *number, text);
  return *number;
}

Value parse_flag(const Key& key, const std::string& text) {
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  throw refusal(key, text);
}

bool is_null_text(const std::string& text) { return text == "null" || text == "~"; }

Value parse_text(const Key& key, const std::string& text) {
  if (is_null_text(text) || text.empty()) throw refusal(key, text);
  if (!key.choices.empty() && std::ranges::find(key.choices, text) == key.choices.end())
    throw refusal(key, text);
  return text;
}

std::string list_text(const std::vector<std::string>& texts) {
  try {
    return nlohmann::json(texts).dump();
  } catch (const nlohmann::json::exception&) {
    throw usage_error("a text of a list is not UTF-8", "convert it to UTF-8");
  }
}

Value one_text(const std::string& text) {
  std::vector<std::string> list{text};
  list_text(list);  // refuses what could not be written again
  return list;
}

Value parse_texts(const Key& key, const std::string& text) {
  if (is_null_text(text)) return std::vector<std::string>{};
  if (!text.starts_with('[')) return one_text(text);
  try {
    return nlohmann::json::parse(text).get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception&) {
    throw refusal(key, text);
  }
}

}  // namespace

Key Key::at_least(double value) && {
  minimum = value;
  return std::move(*this);
}

Key Key::above(double value) && {
  minimum = value;
  minimum_is_allowed = false;
  return std::move(*this);
}

Key Key::at_most(double value) && {
  maximum = value;
  return std::move(*this);
}

Key Key::in(std::string unit_name) && {
  unit = std::move(unit_name);
  return std::move(*this);
}

Key flag(std::string name, bool default_value, std::string help) {
  return make_key(std::move(name), ValueType::boolean, default_value, std::move(help));
}

Key integer(std::string name, std::optional<std::int64_t> default_value, std::string help) {
  return make_key(std::move(name), ValueType::integer, optional_value(default_value), std::move(help));
}

Key real(std::string name, std::optional<double> default_value, std::string help) {
  return make_key(std::move(name), ValueType::real, optional_value(default_value), std::move(help));
}

Key text(std::string name, const std::optional<std::string>& default_value, std::string help) {
  return make_key(std::move(name), ValueType::text, optional_value(default_value), std::move(help));
}

Key texts(std::string name, std::string help) {
  return make_key(std::move(name), ValueType::texts, std::vector<std::string>{}, std::move(help));
}

Key choice(std::string name, std::string default_value, std::vector<std::string> choices, std::string help) {
  Key key = make_key(std::move(name), ValueType::text, std::move(default_value), std::move(help));
  key.choices = std::move(choices);
  return key;
}

Value parse_value(const Key& key, const std::string& text) {
  const bool may_be_null = std::holds_alternative<std::monostate>(key.default_value);
  if (may_be_null && (is_null_text(text) || text.empty())) return {};
  switch (key.type) {
    case ValueType::boolean:
      return parse_flag(key, text);
    case ValueType::integer:
      return parse_integer(key, text);
    case ValueType::real:
      return parse_real(key, text);
    case ValueType::text:
      return parse_text(key, text);
    case ValueType::texts:
      return parse_texts(key, text);
  }
  throw internal_error("parse_value: unknown type");
}

std::string format_value(const Value& value) {
  struct Formatter {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool x) const { return x ? "true" : "false"; }
    std::string operator()(std::int64_t x) const { return std::to_string(x); }
    std::string operator()(double x) const { return fmt::format("{}", x); }
    std::string operator()(const std::string& x) const { return x; }
    std::string operator()(const std::vector<std::string>& x) const { return list_text(x); }
  };
  return std::visit(Formatter{}, value);
}

std::string describe_type(const Key& key) {
  if (!key.choices.empty()) return fmt::format("{}", fmt::join(key.choices, " | "));
  std::string text;
  switch (key.type) {
    case ValueType::boolean:
      text = "true or false";
      break;
    case ValueType::integer:
      text = "a whole number";
      break;
    case ValueType::real:
      text = "a number";
      break;
    case ValueType::text:
      text = std::holds_alternative<std::monostate>(key.default_value) ? "text" : "text that is not empty";
      break;
    case ValueType::texts:
      text = "a list of texts";
      break;
  }
  if (key.minimum)
    text += fmt::format(", {} {}", key.minimum_is_allowed ? "at least" : "above", *key.minimum);
  if (key.maximum) text += fmt::format(", at most {}", *key.maximum);
  if (!key.unit.empty()) text += fmt::format(", in {}", key.unit);
  if (std::holds_alternative<std::monostate>(key.default_value)) text += ", or null";
  return text;
}

}  // namespace dfm
