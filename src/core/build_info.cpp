#include "core/build_info.h"

namespace dfm {

std::string_view version() { return DFM_VERSION; }

}  // namespace dfm
