// Questions to a person at a terminal, in the form that users of Energon's tools know.
//
//   Console console(std::cin, std::cout);
//   if (console.confirm("Do you want to continue?", false)) ...
//
// A question is asked again until the answer can be used. Throws a usage error when the input ends.
#pragma once

#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>

namespace dfm::data {

class Console {
 public:
  Console(std::istream& in, std::ostream& out) : in_(in), out_(out) {}

  void say(std::string_view line) { out_ << line << '\n'; }
  // The answer without its line end; may be empty.
  std::string ask_line(std::string_view question);
  // "question: ", not empty.
  std::string ask_text(std::string_view question);
  std::int64_t ask_number(std::string_view question);
  // "question [y/N]: ", with the capital letter for what an empty answer means.
  bool confirm(std::string_view question, bool default_answer);

 private:
  std::istream& in_;
  std::ostream& out_;
};

}  // namespace dfm::data
