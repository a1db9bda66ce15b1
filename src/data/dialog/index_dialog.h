// What dfm_index asks at a terminal: the questions of `energon prepare`, in its order, for all that no option
// has answered.
//
//   build_index(settings, world, {.dialog = make_dialog(console, {.splits = true, .dataset = true})});
#pragma once

#include "data/dialog/console.h"
#include "data/energon/index_builder.h"

namespace dfm::data {

// What is still to be asked.
struct OpenQuestions {
  bool splits = false;
  bool dataset = false;
};

// Whether to index a folder again that is indexed already; true also where it is not. Asking again means to
// write splits and dataset.yaml anew.
bool may_index(Console& console, const std::filesystem::path& root);

// The console must outlive the dialog.
IndexDialog make_dialog(Console& console, const OpenQuestions& open);

}  // namespace dfm::data
