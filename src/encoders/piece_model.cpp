#include "encoders/piece_model.h"

#include <cmath>
#include <cstdint>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "encoders/character_map.h"
#include "encoders/wire_fields.h"

namespace dfm::encoders {
namespace {

constexpr std::size_t kLongestPiece = 512;        // bytes: tries are built by recursion
constexpr std::size_t kLongestDefinedPiece = 64;  // SentencePiece has room for so many that begin alike

// Numbers of sentencepiece_model.proto.
enum ModelField : std::uint64_t { kPieces = 1, kTraining = 2, kNormalizer = 3 };
enum PieceField : std::uint64_t { kText = 1, kScore = 2, kType = 3 };
constexpr std::uint64_t kKindOfModel = 3, kUnigram = 1;
constexpr std::uint64_t kCharacterMap = 2;
constexpr std::uint64_t kNormal = 1, kDefinedByUser = 4, kLastType = 6;

struct Piece {
  std::string_view text;
  float score = 0;
  std::uint64_t type = kNormal;
};

Piece read_piece(std::string_view message) {
  Piece piece;
  WireFields fields(message);
  while (const auto field = fields.next()) {
    if (field->number == kText) piece.text = field->bytes();
    if (field->number == kScore) piece.score = field->real();
    if (field->number == kType) piece.type = field->varint();
  }
  return piece;
}

void check_piece(const Piece& piece) {
  const bool is_text = is_utf8(piece.text) && piece.text.find('\0') == std::string_view::npos;
  const std::size_t longest = piece.type == kDefinedByUser ? kLongestDefinedPiece : kLongestPiece;
  if (!is_text || piece.text.empty() || piece.text.size() > longest)
    throw data_error(fmt::format("a piece of {} bytes is no text", piece.text.size()));
  if (piece.type < kNormal || piece.type > kLastType)
    throw data_error(fmt::format("the piece {} is of type {}", printable(piece.text), piece.type));
  if (!std::isfinite(piece.score))
    throw data_error(fmt::format("the piece {} has the score {}", printable(piece.text), piece.score));
}

void check_training(std::string_view message) {
  WireFields fields(message);
  while (const auto field = fields.next()) {
    if (field->number == kKindOfModel && field->varint() != kUnigram)
      throw data_error(fmt::format("it is of kind {}, not 1 (unigram)", field->varint()));
  }
}

void check_normalizer(std::string_view message) {
  WireFields fields(message);
  while (const auto field = fields.next()) {
    if (field->number == kCharacterMap && !field->bytes().empty()) check_character_map(field->bytes());
  }
}

}  // namespace

std::string checked_piece_model(std::string_view model) {
  std::string checked;
  WireFields fields(model);
  while (const auto field = fields.next()) {
    if (field->number == kPieces) check_piece(read_piece(field->bytes()));
    if (field->number == kTraining) check_training(field->bytes());
    if (field->number == kNormalizer) check_normalizer(field->bytes());
    if (field->number <= kNormalizer) checked += field->whole;
  }
  return checked;
}

}  // namespace dfm::encoders
