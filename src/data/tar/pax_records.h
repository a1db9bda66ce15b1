// The records of a PAX extended header, "LENGTH KEYWORD=VALUE\n": those that move or rename a member, as
// Python's tarfile applies them (spec/energon.md section 1.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/tar/tar_header.h"

namespace dfm::data {

// Keyword and value in the order in which the keywords were first set; the order decides which of several
// sizes counts.
class PaxRecords {
 public:
  // Sets the records of one header; keywords that do not matter here are passed over. Throws a data error for
  // a record that reaches past the end or ends before its own value.
  void read(std::string_view text);

  // Null when the keyword is not set.
  const std::string* find(std::string_view keyword) const;
  bool contains(std::string_view keyword) const { return find(keyword) != nullptr; }
  bool empty() const { return records_.empty(); }

  auto begin() const { return records_.begin(); }
  auto end() const { return records_.end(); }

  // The map of a sparse file in the formats 0.0 and 0.1, which keep it in the records; empty for others.
  std::vector<SparsePiece> sparse_pieces() const;

 private:
  void set(std::string_view keyword, std::string_view value);

  std::vector<std::pair<std::string, std::string>> records_;
  // Format 0.0 repeats its keywords; these are of the header that was read last.
  std::vector<std::uint64_t> sparse_offsets_, sparse_sizes_;
};

// A number of a record that must be one: throws a data error otherwise, or when it is negative.
std::uint64_t pax_number(std::string_view keyword, std::string_view text);

}  // namespace dfm::data
