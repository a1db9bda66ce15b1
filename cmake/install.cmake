# What `cmake --install` puts where (GNUInstallDirs). Nothing installed names the source or build folder, and everything
# finds the rest relative to itself, so that the prefix can be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# LibTorch that tools/bootstrap unpacked goes away with the source folder; a site's own stays where it is.
cmake_path(IS_PREFIX CMAKE_SOURCE_DIR "${LIBTORCH}" NORMALIZE DFM_LIBTORCH_IS_OURS)
option(DFM_BUNDLE_LIBTORCH "Install copies of the libraries of LibTorch (0.4 GiB, 0.9 GiB with CUDA) beside dfm" ${DFM_LIBTORCH_IS_OURS})

set(DFM_SHARE ${CMAKE_INSTALL_DATADIR}/dfm)
set(DFM_HEADERS ${CMAKE_INSTALL_INCLUDEDIR}/dfm)
set(DFM_PACKAGE ${CMAKE_INSTALL_LIBDIR}/cmake/dfm)
set(DFM_BUNDLE ${CMAKE_INSTALL_LIBDIR}/dfm)
if(NOT CMAKE_INSTALL_MESSAGE)
  set(CMAKE_INSTALL_MESSAGE NEVER)
endif()

# The folders of a site's MPI and HDF5 are kept; those inside the source folder are not.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
if(DFM_BUNDLE_LIBTORCH)
  file(RELATIVE_PATH from_bin_to_bundle /${CMAKE_INSTALL_BINDIR} /${DFM_BUNDLE})
  set(CMAKE_INSTALL_RPATH "$ORIGIN/${from_bin_to_bundle}")
  # libtorch_cpu.so asks for the others.
  file(GLOB bundled ${LIBTORCH}/lib/libc10.so ${LIBTORCH}/lib/libtorch_cpu.so ${LIBTORCH}/lib/libgomp*.so*
       ${LIBTORCH}/lib/libcudart*.so* ${LIBTORCH}/lib/libcupti*.so*)
  if(DFM_HAS_CUDA)
    # For libdfm_cuda.so; cuBLAS, cuDNN, NCCL and so on are those of the nodes that have GPUs.
    file(GLOB for_gpus ${LIBTORCH}/lib/libc10_cuda.so ${LIBTORCH}/lib/libtorch_cuda*.so ${LIBTORCH}/lib/libtorch_nvshmem.so)
    list(APPEND bundled ${for_gpus})
  endif()
  foreach(library IN LISTS bundled)
    file(REAL_PATH ${library} file)
    get_filename_component(name ${library} NAME)
    install(PROGRAMS ${file} DESTINATION ${DFM_BUNDLE} RENAME ${name})
  endforeach()
elseif(DFM_LIBTORCH_IS_OURS)
  set(CMAKE_INSTALL_RPATH ${LIBTORCH}/lib)
endif()

# The build folder has the shape of an installation: programs find the recipes at the same place.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share/dfm ${CMAKE_BINARY_DIR}/share/man/man1
     ${CMAKE_BINARY_DIR}/share/bash-completion/completions)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/config/recipes ${CMAKE_BINARY_DIR}/share/dfm/recipes SYMBOLIC)

install(DIRECTORY config/recipes share/demo DESTINATION ${DFM_SHARE})
install(DIRECTORY jobs DESTINATION ${DFM_SHARE} USE_SOURCE_PERMISSIONS OPTIONAL)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY share/doc/ DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

include(mpi_name)
configure_file(modules/dfm.lua.in ${CMAKE_BINARY_DIR}/package/${PROJECT_VERSION}.lua @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/${PROJECT_VERSION}.lua DESTINATION ${CMAKE_INSTALL_DATADIR}/modulefiles/dfm)
