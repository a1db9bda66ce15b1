// What was noticed and left out on the way, for the program to report: the first hundred, and how many more.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dfm::media {

class Warnings {
 public:
  void add(std::string text);
  // The list, with "and 12 more" where it was cut.
  std::vector<std::string> take() &&;

 private:
  std::vector<std::string> texts_;
  std::size_t left_out_ = 0;
};

}  // namespace dfm::media
