# The CMake package `dfm` and the pkg-config module `dfm`, after the layers are known (DFM_LAYERS, DFM_TORCH_LAYERS).
install(DIRECTORY src/ DESTINATION ${DFM_HEADERS} FILES_MATCHING PATTERN "*.h" PATTERN bin EXCLUDE)
install(EXPORT dfmTargets NAMESPACE dfm:: DESTINATION ${DFM_PACKAGE})
install(EXPORT dfmTorchTargets NAMESPACE dfm:: DESTINATION ${DFM_PACKAGE})

set(DFM_LIBTORCH_HINT "")
if(NOT DFM_LIBTORCH_IS_OURS)
  set(DFM_LIBTORCH_HINT ${LIBTORCH})
endif()
configure_file(cmake/dfmConfig.cmake.in ${CMAKE_BINARY_DIR}/package/dfmConfig.cmake @ONLY)
# Layers change freely between minor versions until 1.0.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/dfmConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/package/dfmConfig.cmake ${CMAKE_BINARY_DIR}/package/dfmConfigVersion.cmake
  cmake/torch_targets.cmake DESTINATION ${DFM_PACKAGE})

# A static library comes before those it uses. Of MPI, HDF5 and Boost not all have a pkg-config module.
set(DFM_PC_LIBRARIES "")
foreach(layer IN LISTS DFM_LAYERS)
  string(PREPEND DFM_PC_LIBRARIES "-ldfm_${layer} ")
endforeach()
foreach(library IN LISTS HDF5_C_LIBRARIES MPI_CXX_LIBRARIES)
  string(APPEND DFM_PC_LIBRARIES "${library} ")
endforeach()
set(DFM_PC_FLAGS "")
foreach(folder IN LISTS HDF5_C_INCLUDE_DIRS MPI_CXX_INCLUDE_DIRS)
  string(APPEND DFM_PC_FLAGS "-I${folder} ")
endforeach()
file(RELATIVE_PATH DFM_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /.)
configure_file(cmake/dfm.pc.in ${CMAKE_BINARY_DIR}/package/dfm.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/dfm.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
