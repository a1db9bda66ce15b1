# Language, warnings, sanitizers, and what makes builds quick: ccache and mold where they exist.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET default)
# Not CMAKE_POSITION_INDEPENDENT_CODE, which says -fPIE for programs: they share a precompiled header with the libraries.
add_compile_options($<IF:$<COMPILE_LANGUAGE:CUDA>,-Xcompiler=-fPIC,-fPIC>)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(DFM_NOT_CUDA $<NOT:$<COMPILE_LANGUAGE:CUDA>>)
add_compile_options($<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>
  "$<${DFM_NOT_CUDA}:-Wall;-Wextra;-Wshadow>" $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  $<${DFM_NOT_CUDA}:-fopenmp-simd>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options($<${DFM_NOT_CUDA}:-Wno-restrict>)  # wrong about std::string there (GCC bug 105651)
endif()
if(DFM_WERROR)
  add_compile_options("$<IF:$<COMPILE_LANGUAGE:CUDA>,-Werror=all-warnings,-Werror>")
endif()
if(DFM_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1)
  add_compile_options(-Wno-maybe-uninitialized)  # GCC is wrong about std::regex under the sanitizers
  add_link_options(-fsanitize=address,undefined)
endif()
if(DFM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -g1 -O1)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
  # The sloppiness is what ccache asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

# Programs load only the libraries they use: small tools then start in milliseconds.
add_link_options(-Wl,--as-needed)
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
