# src/cuda becomes libdfm_cuda.so: kernels (*.cu, which see raw pointers and a stream, never ATen) and what calls them
# (*.cpp). Programs do not link it: nn/device.h loads it from lib/ beside them.
if(NOT DFM_HAS_CUDA)
  return()
endif()
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/*.cpp)
file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/*.cu)
add_library(dfm_cuda_kernels OBJECT ${kernels})
target_include_directories(dfm_cuda_kernels PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_options(dfm_cuda_kernels PRIVATE --expt-relaxed-constexpr -lineinfo)
# The normal transform must give the bits of the CPU (core/philox.cpp).
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/cuda/random.cu PROPERTIES COMPILE_OPTIONS -fmad=false)
add_library(dfm_cuda SHARED ${sources} $<TARGET_OBJECTS:dfm_cuda_kernels>)
set_target_properties(dfm_cuda PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/dfm
  INSTALL_RPATH "$ORIGIN;$ORIGIN/../..;${CMAKE_INSTALL_RPATH}")
target_include_directories(dfm_cuda PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(dfm_cuda PRIVATE dfm::core fmt::fmt torch_with_cuda CUDA::cudart)
dfm_use_torch(dfm_cuda)
install(TARGETS dfm_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/dfm)
