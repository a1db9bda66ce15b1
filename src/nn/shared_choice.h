// What experts choose where ranks share a pack: every rank learns the scores of all tokens that are chosen
// among, and so each makes the choice of one rank alone, of which it keeps what is in its own share.
//
//   const Choice choice = choose_in_share(scores, layout, rule, parallel);
//   rows = choice.taken(share);
//   const Choice own = choose_in_own_rows(own_scores, layout, rule, parallel);
//   rows = own.taken(own_rows);
#pragma once

#include "nn/expert_choice.h"
#include "nn/pack.h"

namespace dfm::nn {

// What experts choose among: the tokens of each sample, of a pack, or of what each rank has of a pack. The
// last is the rule of the system that dfm replaces, by which a layout changes results.
enum class RoutingGroup { sample, pack, rank };

struct ChoiceRule {
  RoutingGroup group = RoutingGroup::sample;
  double capacity_factor = 8;  // experts that take a token, on average
};

// scores [rows of the context share, E] float32, the same bits on all tensor ranks. Collective over the
// context ranks. Tokens are numbered within the share.
Choice choose_in_share(const at::Tensor& scores, const PackLayout& layout, const ChoiceRule& rule,
                       const ModelParallel& parallel);

// The same choice as each tensor rank sees it that gives its own rows to experts: scores [own rows, E];
// tokens are numbered among these. Collective over the context and the tensor ranks.
Choice choose_in_own_rows(const at::Tensor& scores, const PackLayout& layout, const ChoiceRule& rule,
                          const ModelParallel& parallel);

}  // namespace dfm::nn
