// cuDNN's frontend, which is headers alone. LibTorch carries another version of it: what is compiled of this
// one must not be seen outside of the library (CMake compiles cudnn_*.cpp with hidden visibility).
#pragma once

#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>
