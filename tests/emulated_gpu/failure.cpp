#include "emulated_gpu/failure.h"

#include <cstdlib>
#include <iostream>

namespace dfm::emulated {

void fail(const std::string& what) {
  std::cerr << "emulated GPU: " << what << std::endl;
  std::abort();
}

}  // namespace dfm::emulated
