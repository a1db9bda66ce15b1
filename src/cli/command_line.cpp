#include "cli/command_line.h"

#include <algorithm>
#include <iterator>
#include <sstream>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "cli/common_options.h"
#include "config/layers.h"
#include "core/error.h"

namespace dfm::cli {
namespace po = boost::program_options;
namespace {

constexpr const char* kWords = " words";  // a name that nobody can give as an option by mistake

void add_table(po::options_description& description, const std::vector<CommonOption>& table,
               CommandLine& line) {
  for (const CommonOption& option : table) {
    const std::string name = option.letter.empty() ? option.name : option.name + "," + option.letter;
    const std::string help = option.full_help();
    const po::value_semantic* const semantic =
        option.is_switch() ? static_cast<const po::value_semantic*>(
                                 po::bool_switch(&(line.*std::get<bool CommandLine::*>(option.target))))
                           : po::value(&(line.*std::get<std::string CommandLine::*>(option.target)))
                                 ->value_name(option.value_name);
    description.add_options()(name.c_str(), semantic, help.c_str());
  }
}

void add_own(po::options_description& description, const Program& program, const KeyTable& keys) {
  for (const Option& option : program.options) {
    const Key& key = find_key(keys, option.key);
    auto* const value = po::value<std::vector<std::string>>()->value_name("VALUE");
    if (key.type == ValueType::boolean) value->zero_tokens()->implicit_value({"true"}, "");
    const std::string help = fmt::format("{} ({})", key.help, option.key);
    description.add_options()(option.name.c_str(), value, help.c_str());
  }
}

const po::option_description* option_of(const std::string& word, const po::options_description& description) {
  const std::string name = word.substr(0, word.find('='));
  return name.size() > 2 && name.starts_with("--") ? description.find_nothrow(name.substr(2), false)
                                                   : nullptr;
}

// --num_steps and --num-steps are one option. Another word that begins with "--" may be a value: it stays as
// it is.
std::string normalised(const std::string& word, const po::options_description& description) {
  std::string name = word.substr(0, word.find('='));
  std::ranges::replace(name, '_', '-');
  return option_of(name, description) == nullptr ? word : name + word.substr(name.size());
}

// The library takes an option for the value of the one before it.
void refuse_options_as_values(const std::vector<std::string>& words,
                              const po::options_description& description) {
  for (std::size_t i = 0; i + 1 < words.size() && words[i] != "--"; ++i) {
    const auto* const option = option_of(words[i], description);
    const bool wants_value = option != nullptr && option->semantic()->min_tokens() > 0;
    if (!wants_value || words[i].find('=') != std::string::npos) continue;
    if (option_of(words[i + 1], description) != nullptr) {
      throw usage_error(fmt::format("{} needs a value, but {} follows", words[i], words[i + 1]),
                        fmt::format("if that is the value, write {}={}", words[i], words[i + 1]));
    }
    ++i;
  }
}

// Each value of a list option is one text, except for one JSON array in its place.
std::string list_or_single(const Key& key, const std::vector<std::string>& values) {
  if (key.type != ValueType::texts) return values.back();
  const bool is_array = values.size() == 1 && values[0].starts_with('[') && values[0].ends_with(']');
  return is_array ? values.back() : format_value(values);
}

// Two options, or an option and an argument, may set the same key; then they must agree.
void add_agreeing(Assignment assignment, Layer& layer) {
  const auto earlier = std::ranges::find(layer, assignment.key, &Assignment::key);
  if (earlier != layer.end() && earlier->text != assignment.text) {
    throw usage_error(fmt::format("{} = '{}' and {} = '{}' both give {}", earlier->origin, earlier->text,
                                  assignment.origin, assignment.text, assignment.key),
                      "give one of them");
  }
  layer.push_back(std::move(assignment));
}

void take_options(const Program& program, const KeyTable& keys, const po::variables_map& values,
                  Layer& layer) {
  for (const Option& option : program.options) {
    const auto found = values.find(option.name);
    if (found == values.end()) continue;
    const auto& given = found->second.as<std::vector<std::string>>();
    add_agreeing({option.key, list_or_single(find_key(keys, option.key), given), "--" + option.name}, layer);
  }
}

void take_words(const Program& program, const std::vector<std::string>& words, Layer& layer) {
  std::size_t positional = 0;
  for (const std::string& word : words) {
    if (is_assignment_word(word)) {
      layer.push_back(parse_assignment_word(word));
    } else if (positional < program.positionals.size()) {
      add_agreeing({program.positionals[positional].key, word, program.positionals[positional].name}, layer);
      ++positional;
    } else {
      throw usage_error(fmt::format("'{}' is one argument too many", word),
                        fmt::format("{} --help; overrides are written section.key=value", program.name));
    }
  }
}

std::string keys_text(const Program& program, const KeyTable& keys) {
  std::string text;
  for (const Key& key : keys_of(program, keys)) {
    text += fmt::format("  {} = {}\n      {} ({})\n", key.name, format_value(key.default_value), key.help,
                        describe_type(key));
  }
  return text;
}

}  // namespace

const Key& find_key(const KeyTable& table, const std::string& name) {
  const auto found = std::ranges::find(table.keys, name, &Key::name);
  ensure(found != table.keys.end(), "an option names a key that is not declared");
  return *found;
}

std::vector<Key> keys_of(const Program& program, const KeyTable& table) {
  std::vector<Key> keys;
  std::ranges::copy_if(table.keys, std::back_inserter(keys), [&](const Key& key) {
    const std::string section = key.name.substr(0, key.name.find('.'));
    return std::ranges::find(program.sections, section) != program.sections.end();
  });
  return keys;
}

CommandLine parse_command_line(const Program& program, const KeyTable& keys, int argc,
                               const char* const* argv) {
  CommandLine line;
  po::options_description description;
  add_table(description, common_options(), line);
  add_table(description, hidden_options(), line);
  add_own(description, program, keys);
  description.add_options()(kWords, po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add(kWords, -1);

  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) words.push_back(normalised(argv[i], description));
  refuse_options_as_values(words, description);
  try {
    po::variables_map values;
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(words).options(description).positional(positional).style(style).run(),
              values);
    po::notify(values);
    take_options(program, keys, values, line.assignments);
    if (values.count(kWords) != 0) {
      take_words(program, values[kWords].as<std::vector<std::string>>(), line.assignments);
    }
  } catch (const po::error& error) {
    throw usage_error(error.what(), fmt::format("{} --help lists the options", program.name));
  }
  return line;
}

std::string help_text(const Program& program, const KeyTable& keys) {
  CommandLine unused;
  po::options_description own("Options"), common("Common options");
  add_own(own, program, keys);
  add_table(common, common_options(), unused);
  std::ostringstream options;
  if (!program.options.empty()) options << own << "\n";
  options << common;
  std::string usage = program.name;
  for (const Option& positional : program.positionals) usage += " " + positional.name;
  return fmt::format(
      "{}\n\nUsage: {} [options] [section.key=value ...]\n\n{}\n"
      "Configuration keys (section.key=value; default; meaning):\n{}\nExamples:\n{}",
      program.summary, usage, options.str(), keys_text(program, keys), program.examples);
}

}  // namespace dfm::cli
