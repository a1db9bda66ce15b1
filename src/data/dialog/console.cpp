#include "data/dialog/console.h"

#include <charconv>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"

namespace dfm::data {

std::string Console::ask_line(std::string_view question) {
  out_ << question << std::flush;
  std::string line;
  if (!std::getline(in_, line)) {
    throw usage_error("the input ended before the last question was answered",
                      "give the answers as options, and --non-interactive");
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string Console::ask_text(std::string_view question) {
  for (;;) {
    std::string text(trimmed(ask_line(fmt::format("{}: ", question))));
    if (!text.empty()) return text;
  }
}

std::int64_t Console::ask_number(std::string_view question) {
  for (;;) {
    const std::string text = ask_text(question);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
    say(fmt::format("Error: '{}' is not a valid integer.", text));
  }
}

bool Console::confirm(std::string_view question, bool default_answer) {
  for (;;) {
    const std::string line = ask_line(fmt::format("{} [{}]: ", question, default_answer ? "Y/n" : "y/N"));
    const std::string_view text = trimmed(line);
    if (text.empty()) return default_answer;
    if (text == "y" || text == "Y" || text == "yes" || text == "Yes") return true;
    if (text == "n" || text == "N" || text == "no" || text == "No") return false;
    say("Error: invalid input");
  }
}

}  // namespace dfm::data
