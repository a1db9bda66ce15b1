// Where a piece belongs, as the name of its dataset says it: BEGIN, or BEGIN:FIRST+WIDTH|ROW.
#pragma once

#include <optional>
#include <string_view>

#include "ckpt/pieces.h"

namespace dfm::ckpt {

struct PiecePlace {
  Stripe stripe;
  std::int64_t begin = 0;
};

// Empty for what is no place in a tensor of this shape. Throws a data error for a shape that is none.
std::optional<PiecePlace> parse_place(std::string_view text, const Shape& shape);

// Whether a piece of `count` elements fits there.
bool holds(const PiecePlace& place, const Shape& shape, std::int64_t count);

}  // namespace dfm::ckpt
