#include "cli/manual.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include <fmt/format.h>

#include "cli/common_options.h"
#include "core/build_info.h"
#include "core/error.h"

namespace dfm::cli {
namespace {

constexpr std::array kPrograms = {"dfm_prepare", "dfm_index", "dfm_train", "dfm_consolidate", "dfm_sample"};

constexpr const char* kHowValuesCome = R"(.PP
Values come from the recipe, then from the file of
\fB\-\-config\-file\fR, then from options and
\fIsection.key\fR=\fIvalue\fR words; the later ones win.
Under \fBmpirun\fR or \fBsrun\fR all ranks work together,
and end with the same exit status.
)";

// Text that roff prints as it is: no escapes, no requests, hyphens that can be copied from the page.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool opens_line = out.empty() || out.back() == '\n';
    if (opens_line && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

// Running text in lines of a decent length, which roff fills again.
std::string filled(std::string_view text) {
  static constexpr std::size_t kLongestLine = 72;
  std::string lines, line;
  const auto end_line = [&] {
    if (!line.empty()) lines += escaped(line) + "\n";
    line.clear();
  };
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (line.size() + word.size() >= kLongestLine) end_line();
    line += (line.empty() ? "" : " ") + word;
  }
  end_line();
  return lines;
}

// A tagged paragraph; `tag` is roff already.
std::string paragraph(const std::string& tag, std::string_view text) {
  return fmt::format(".TP\n{}\n{}", tag, filled(text));
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", escaped(text)); }
std::string italic(std::string_view text) { return fmt::format("\\fI{}\\fR", escaped(text)); }

std::string title(const Program& program) {
  std::string upper = program.name;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return fmt::format(".TH {} 1 \"\" \"dfm {}\" \"dfm manual\"\n", upper, version());
}

std::string name_section(const Program& program) {
  std::string summary = program.summary;
  if (summary.ends_with('.')) summary.pop_back();
  return fmt::format(".SH NAME\n{} \\-\n{}", program.name, filled(summary));
}

std::string synopsis(const Program& program) {
  std::string text = fmt::format(".SH SYNOPSIS\n{}", bold(program.name));
  for (const Option& positional : program.positionals) text += " " + italic(positional.name);
  return text + " [\\fIoptions\\fR] [\\fIsection.key\\fR=\\fIvalue\\fR ...]\n";
}

std::string description(const Program& program, const KeyTable& keys) {
  std::string text = ".SH DESCRIPTION\n" + filled(program.summary);
  for (const Option& positional : program.positionals) {
    const Key& key = find_key(keys, positional.key);
    text += paragraph(italic(positional.name), fmt::format("{} ({})", key.help, key.name));
  }
  return text + kHowValuesCome;
}

std::string options_section(const Program& program, const KeyTable& keys) {
  std::string text = ".SH OPTIONS\n";
  for (const Option& option : program.options) {
    const Key& key = find_key(keys, option.key);
    std::string tag = bold("--" + option.name);
    if (key.type != ValueType::boolean) tag += " \\fIVALUE\\fR";
    text += paragraph(tag, fmt::format("{} ({})", key.help, key.name));
  }
  for (const CommonOption& option : common_options()) {
    std::string tag = option.letter.empty() ? "" : bold("-" + option.letter) + ", ";
    tag += bold("--" + option.name);
    if (!option.is_switch()) tag += " " + italic(option.value_name);
    text += paragraph(tag, option.full_help());
  }
  return text;
}

std::string keys_section(const Program& program, const KeyTable& keys) {
  std::string text = ".SH KEYS\n", section;
  for (const Key& key : keys_of(program, keys)) {
    const std::string own_section = key.name.substr(0, key.name.find('.'));
    if (own_section != section) text += fmt::format(".SS [{}]\n", escaped(own_section));
    section = own_section;
    const std::string tag = fmt::format("{} = {}", bold(key.name), italic(format_value(key.default_value)));
    text += paragraph(tag, fmt::format("{} ({})", key.help, describe_type(key)));
  }
  return text;
}

// All that describe() knows.
std::string exit_status() {
  static constexpr int kLargestCode = 127;
  const std::string_view unknown = describe(static_cast<ExitCode>(-1));
  std::string text = ".SH EXIT STATUS\n";
  for (int code = 0; code <= kLargestCode; ++code) {
    const std::string_view meaning = describe(static_cast<ExitCode>(code));
    if (meaning != unknown) text += paragraph(bold(std::to_string(code)), meaning);
  }
  return text;
}

std::string environment_and_files() {
  return ".SH ENVIRONMENT\n" +
         paragraph(bold("OMP_NUM_THREADS"),
                   "Threads of a rank; by default the processors it may run on, shared with its neighbours") +
         ".SH FILES\n" +
         paragraph(italic("../share/dfm/recipes/NAME.ini"),
                   "The recipes, found relative to the program: the installation may be moved as a whole");
}

std::string examples(const Program& program) {
  return ".SH EXAMPLES\n.nf\n" + escaped(program.examples) + ".fi\n";
}

std::string see_also(const Program& program) {
  std::vector<std::string> others;
  for (const std::string name : kPrograms) {
    if (name != program.name) others.push_back(fmt::format("\\fB{}\\fR(1)", name));
  }
  return fmt::format(".SH SEE ALSO\n{}\n", fmt::join(others, ",\n"));
}

}  // namespace

std::string man_page(const Program& program, const KeyTable& keys) {
  return title(program) + name_section(program) + synopsis(program) + description(program, keys) +
         options_section(program, keys) + keys_section(program, keys) + exit_status() +
         environment_and_files() + examples(program) + see_also(program);
}

}  // namespace dfm::cli
