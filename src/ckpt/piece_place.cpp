#include "ckpt/piece_place.h"

#include <array>
#include <charconv>

#include <fmt/core.h>

namespace dfm::ckpt {
namespace {

// Numbers with a separator between each two. Empty for anything else.
template <std::size_t N>
std::optional<std::array<std::int64_t, N>> numbers(std::string_view text, std::string_view separators) {
  std::array<std::int64_t, N> values{};
  for (std::size_t i = 0; i < N; ++i) {
    if (i > 0) {
      if (!text.starts_with(separators[i - 1])) return std::nullopt;
      text.remove_prefix(1);
    }
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), values[i]);
    if (error != std::errc{} || values[i] < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  }
  return text.empty() ? std::optional(values) : std::nullopt;
}

}  // namespace

std::string place_text(const Piece& piece) {
  if (!piece.stripe) return std::to_string(piece.begin);
  const Stripe& stripe = *piece.stripe;
  return fmt::format("{}:{}+{}|{}", piece.begin, stripe.first, stripe.width, stripe.row);
}

std::optional<PiecePlace> parse_place(std::string_view text, const Shape& shape) {
  const std::int64_t total = element_count(shape);
  if (const auto flat = numbers<1>(text, "")) return PiecePlace{whole(total), (*flat)[0]};
  const auto found = numbers<4>(text, ":+|");
  if (!found) return std::nullopt;
  const auto [begin, first, width, row] = *found;
  const bool fits = row > 0 && width > 0 && first <= row && width <= row - first && total % row == 0;
  return fits ? std::optional(PiecePlace{{row, first, width}, begin}) : std::nullopt;
}

bool holds(const PiecePlace& place, const Shape& shape, std::int64_t count) {
  const std::int64_t held = place.stripe.count(element_count(shape));
  return count >= 0 && place.begin <= held && count <= held - place.begin;
}

}  // namespace dfm::ckpt
