// A configuration key, declared once: its name, type, default, range, unit and help. Help texts, the printed
// configuration and validation all come from this declaration (src/config/keys/ holds them, a file a
// section).
//
//   integer("train.train_iters", 10000, "Steps to train for").at_least(0)
//   choice("scheduler.lr_decay_style", "cosine", {"cosine", "constant"}, "Shape of the decay")
//   real("optimizer.min_lr", {}, "Learning rate at the end; null: a tenth of lr")
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dfm {

// std::monostate is null: "not given", for keys whose meaning then follows from others.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>>;

enum class ValueType { boolean, integer, real, text, texts };

struct Key {
  std::string name;  // section.key
  ValueType type = ValueType::text;
  Value default_value;
  std::string help;
  std::string unit;
  std::optional<double> minimum, maximum;
  bool minimum_is_allowed = true;
  std::vector<std::string> choices;

  Key at_least(double value) &&;
  Key above(double value) &&;
  Key at_most(double value) &&;
  Key in(std::string unit_name) &&;
};

Key flag(std::string name, bool default_value, std::string help);
Key integer(std::string name, std::optional<std::int64_t> default_value, std::string help);
Key real(std::string name, std::optional<double> default_value, std::string help);
Key text(std::string name, const std::optional<std::string>& default_value, std::string help);
Key texts(std::string name, std::string help);
Key choice(std::string name, std::string default_value, std::vector<std::string> choices, std::string help);

// A value from the text of a file or command line, checked against type, range and choices. "null" is null
// where the default is, an empty list for a list, and refused elsewhere. A list is a JSON array of strings,
// or one element. Throws a usage error that names key, value and what is accepted.
Value parse_value(const Key& key, const std::string& text);

// The text that parse_value reads back to the same value. Throws a usage error for a list with a text that is
// not UTF-8.
std::string format_value(const Value& value);

// "integer, at least 1, in steps": what the help prints after a key.
std::string describe_type(const Key& key);

}  // namespace dfm
