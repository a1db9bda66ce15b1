#include "data/media_rows/libav_library.h"

#include <string>

#include <dlfcn.h>
#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

void* open_library() {
  const std::string name = fmt::format("libavformat.so.{}", LIBAVFORMAT_VERSION_MAJOR);
  void* const library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  throw usage_error(fmt::format("sound and video cannot be looked into: {}", ::dlerror()),
                    "name the folder of FFmpeg's libraries in LD_LIBRARY_PATH, or leave out the options of "
                    "media metadata");
}

// Also finds what is in the libraries that this one needs.
template <class Function>
Function* function_of(void* library, const char* name) {
  auto* const function = reinterpret_cast<Function*>(::dlsym(library, name));
  if (function == nullptr) throw usage_error(fmt::format("libavformat has no function {}", name));
  return function;
}

LibavLibrary load() {
  void* const library = open_library();
  LibavLibrary functions;
#define DFM_LIBAV_LOAD(name) functions.name = function_of<decltype(::name)>(library, #name);
  DFM_LIBAV_FUNCTIONS(DFM_LIBAV_LOAD)
#undef DFM_LIBAV_LOAD
  functions.av_log_set_level(AV_LOG_QUIET);
  return functions;
}

}  // namespace

const LibavLibrary& libav_library() {
  static const LibavLibrary library = load();
  return library;
}

}  // namespace dfm::data
