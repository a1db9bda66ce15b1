# src/cuda becomes libdfm_cuda.so: kernels (*.cu, which see raw pointers and a stream, never ATen) and what calls them
# (*.cpp). Programs do not link it: nn/device.h loads it from lib/ beside them.
if(NOT DFM_HAS_CUDA)
  return()
endif()
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/*.cpp)
# cuDNN's attention is built where its frontend is (tools/bootstrap brings it); without, FlashAttention does it all.
find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h HINTS ${PROJECT_SOURCE_DIR}/.deps/cudnn_frontend/include)
find_path(CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${LIBTORCH}/../nvidia/cudnn/include)
file(GLOB cudnn_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/cudnn_*.cpp)
if(CUDNN_FRONTEND_INCLUDE_DIR AND CUDNN_INCLUDE_DIR)
  # LibTorch has another version of the frontend: neither may see the other's.
  set_source_files_properties(${cudnn_sources} PROPERTIES COMPILE_OPTIONS "-fvisibility=hidden;-fvisibility-inlines-hidden")
else()
  message(STATUS "No cudnn_frontend.h or no cudnn.h: building without cuDNN's attention")
  list(REMOVE_ITEM sources ${cudnn_sources})
endif()
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
if(CUDNN_FRONTEND_INCLUDE_DIR AND CUDNN_INCLUDE_DIR)
  target_include_directories(dfm_cuda SYSTEM PRIVATE ${CUDNN_FRONTEND_INCLUDE_DIR} ${CUDNN_INCLUDE_DIR})
endif()
target_link_libraries(dfm_cuda PRIVATE dfm::core fmt::fmt torch_with_cuda CUDA::cudart)
dfm_use_torch(dfm_cuda)
install(TARGETS dfm_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/dfm)
