#include "cli/completion.h"

#include <set>

#include <fmt/format.h>

#include "cli/common_options.h"

namespace dfm::cli {
namespace {

// What stands for names of files and of recipes where other options and keys have their choices.
constexpr const char* kFiles = "@files";
constexpr const char* kRecipes = "@recipes";

// Bash takes = for the end of a word (COMP_WORDBREAKS): of train.precision=bf it shows three words, and wants
// an answer for the last. `asked` is the option or key whose value is wanted. Without an answer bash
// completes names of files, which `complete -o default` below asks for.
constexpr const char* kAskedFor = R"bash(
  local word=${COMP_WORDS[COMP_CWORD]} before='' earlier='' asked='' stem=''
  ((COMP_CWORD > 0)) && before=${COMP_WORDS[COMP_CWORD - 1]}
  ((COMP_CWORD > 1)) && earlier=${COMP_WORDS[COMP_CWORD - 2]}
  if [[ $word == = ]]; then
    asked=$before word=''
  elif [[ $before == = ]]; then
    asked=$earlier
  elif [[ $word == *=* ]]; then
    asked=${word%%=*} stem=${word%%=*}= word=${word#*=}
  elif [[ $before == --* && -n ${values[${before//_/-}]+known} ]]; then
    asked=$before
  fi
  [[ $asked == --* ]] && asked=${asked//_/-}
)bash";

constexpr const char* kAnswer = R"bash(
  local candidates=$sections folder files=$arguments
  if [[ -n $asked ]]; then
    candidates=${values[$asked]-} files=no
  elif [[ $word == -* ]]; then
    candidates=$options files=no word=${word//_/-}
  elif [[ $word == *.* && " $sections " == *" ${word%%.*}. "* ]]; then
    candidates=$keys files=no
  fi
  case $candidates in
    '') compopt +o default 2> /dev/null ;;
    @files) candidates='' files=yes ;;
    @recipes)
      folder=$(dirname -- "$(readlink -f -- "$(type -P -- "$1")")")/../share/dfm/recipes
      candidates=$(cd -- "$folder" > /dev/null 2>&1 && printf '%s ' *.ini)
      candidates=${candidates//.ini /' '} ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
  if [[ $files == yes && ( ${#COMPREPLY[@]} -gt 0 || -n $stem ) ]]; then
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
    compopt -o filenames 2> /dev/null
  fi
  [[ -n $stem ]] && COMPREPLY=("${COMPREPLY[@]/#/$stem}")
  [[ ${COMPREPLY[0]-} == *[.=] ]] && compopt -o nospace 2> /dev/null
  return 0
)bash";

std::string values_of(const Key& key) {
  if (!key.choices.empty()) return fmt::format("{}", fmt::join(key.choices, " "));
  if (key.type == ValueType::boolean) return "true false";
  const bool is_text = key.type == ValueType::text || key.type == ValueType::texts;
  return is_text ? kFiles : "";
}

std::string values_of(const CommonOption& option) {
  if (option.name == "recipe") return kRecipes;
  return option.choices.empty() ? kFiles : fmt::format("{}", fmt::join(option.choices, " "));
}

// The entries of the associative array `values`: what may follow an option or a key.
std::string value_table(const Program& program, const KeyTable& keys) {
  std::string table;
  const auto add = [&](const std::string& name, const std::string& values) {
    table += fmt::format("    [{}]='{}'\n", name, values);
  };
  for (const Option& option : program.options) {
    const Key& key = find_key(keys, option.key);
    if (key.type != ValueType::boolean) add("--" + option.name, values_of(key));
  }
  for (const CommonOption& option : common_options()) {
    if (!option.is_switch()) add("--" + option.name, values_of(option));
  }
  for (const Key& key : keys_of(program, keys)) add(key.name, values_of(key));
  return table;
}

std::string option_words(const Program& program) {
  std::string words;
  for (const Option& option : program.options) words += fmt::format("--{} ", option.name);
  for (const CommonOption& option : common_options()) words += fmt::format("--{} ", option.name);
  return words;
}

std::string key_words(const Program& program, const KeyTable& keys) {
  std::string words;
  for (const Key& key : keys_of(program, keys)) words += key.name + "= ";
  return words;
}

std::string section_words(const Program& program, const KeyTable& keys) {
  std::set<std::string> sections;
  for (const Key& key : keys_of(program, keys)) sections.insert(key.name.substr(0, key.name.find('.')) + ".");
  return fmt::format("{}", fmt::join(sections, " "));
}

}  // namespace

std::string bash_completion(const Program& program, const KeyTable& keys) {
  return fmt::format(
      "# bash completion of {0}, made by {0} --bash-completion\n"
      "_{0}() {{\n"
      "  local -A values=(\n{1}  )\n"
      "  local options='{2}'\n"
      "  local sections='{3}' arguments={4}\n"
      "  local keys='{5}'\n"
      "{6}{7}}}\n"
      "complete -o default -F _{0} {0}\n",
      program.name, value_table(program, keys), option_words(program), section_words(program, keys),
      program.positionals.empty() ? "no" : "yes", key_words(program, keys), kAskedFor, kAnswer);
}

}  // namespace dfm::cli
