#include "data/tar/pax_records.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "data/tar/tar_number.h"

namespace dfm::data {
namespace {

constexpr std::string_view kKeywords[] = {"path",
                                          "size",
                                          "GNU.sparse.name",
                                          "GNU.sparse.size",
                                          "GNU.sparse.realsize",
                                          "GNU.sparse.map",
                                          "GNU.sparse.major",
                                          "GNU.sparse.minor"};

struct Record {
  std::string_view keyword, value;
  std::size_t length = 0;
};

// Empty where the text does not go on with a record; what follows the last one is padding.
std::optional<Record> next_record(std::string_view text) {
  std::size_t length = 0;
  const auto [after_length, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (after_length == text.data()) return std::nullopt;
  const auto keyword_begin = static_cast<std::size_t>(after_length - text.data()) + 1;
  const auto equals = text.find('=', keyword_begin);
  if (keyword_begin > text.size() || *after_length != ' ' || equals == std::string_view::npos ||
      equals == keyword_begin) {
    return std::nullopt;
  }
  if (error != std::errc{} || length > text.size() || length < equals + 2) {
    throw data_error("an extended header (PAX) is damaged: a record claims a length that it does not have");
  }
  return Record{text.substr(keyword_begin, equals - keyword_begin),
                text.substr(equals + 1, length - equals - 2), length};
}

}  // namespace

void PaxRecords::read(std::string_view text) {
  sparse_offsets_.clear();
  sparse_sizes_.clear();
  while (const auto record = next_record(text)) {
    set(record->keyword, record->value);
    text.remove_prefix(record->length);
  }
}

void PaxRecords::set(std::string_view keyword, std::string_view value) {
  if (keyword == "GNU.sparse.offset") sparse_offsets_.push_back(pax_number(keyword, value));
  if (keyword == "GNU.sparse.numbytes") sparse_sizes_.push_back(pax_number(keyword, value));
  if (std::ranges::find(kKeywords, keyword) == std::end(kKeywords)) return;
  const auto place = std::ranges::find(records_, keyword, [](const auto& record) { return record.first; });
  if (place != records_.end()) {
    place->second = value;
  } else {
    records_.emplace_back(keyword, value);
  }
}

const std::string* PaxRecords::find(std::string_view keyword) const {
  const auto place = std::ranges::find(records_, keyword, [](const auto& record) { return record.first; });
  return place == records_.end() ? nullptr : &place->second;
}

std::vector<SparsePiece> PaxRecords::sparse_pieces() const {
  std::vector<std::uint64_t> numbers;
  const std::string* const map = find("GNU.sparse.map");
  if (map == nullptr) {
    for (std::size_t i = 0; i < std::min(sparse_offsets_.size(), sparse_sizes_.size()); ++i) {
      numbers.insert(numbers.end(), {sparse_offsets_[i], sparse_sizes_[i]});
    }
  } else {
    for (std::size_t begin = 0; begin <= map->size();) {
      const auto end = std::min(map->find(',', begin), map->size());
      numbers.push_back(pax_number("GNU.sparse.map", std::string_view(*map).substr(begin, end - begin)));
      begin = end + 1;
    }
  }
  std::vector<SparsePiece> pieces;
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) pieces.push_back({numbers[i], numbers[i + 1]});
  return pieces;
}

std::uint64_t pax_number(std::string_view keyword, std::string_view text) {
  const auto value = parse_decimal(text);
  if (!value || *value < 0) {
    throw data_error(fmt::format("an extended header (PAX) is damaged: {} = '{}'", keyword, printable(text)));
  }
  return static_cast<std::uint64_t>(*value);
}

}  // namespace dfm::data
