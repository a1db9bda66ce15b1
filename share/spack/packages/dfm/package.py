"""Spack recipe of dfm: spack repo add share/spack && spack install dfm

tests/install/test_spack.py keeps it in step with the CMake files."""

from spack.package import *


class Dfm(CMakePackage):
    """Trains and samples diffusion transformers on Slurm clusters: five MPI programs over one C++20 library."""

    license("Apache-2.0")

    # Within a checkout: spack dev-build dfm@0.1.0, or spack develop --path . dfm@0.1.0
    version("0.1.0")

    variant("cuda", default=False, description="Compute on GPUs where nodes have them")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("googletest +gmock", type="test")

    depends_on("mpi")
    depends_on("hdf5")
    depends_on("boost@1.70: +program_options")
    depends_on("libarchive")
    depends_on("zlib-api")
    depends_on("fmt")
    depends_on("nlohmann-json")
    depends_on("yaml-cpp")
    depends_on("xxhash")
    depends_on("sqlite")
    depends_on("sentencepiece")
    depends_on("ffmpeg")
    depends_on("py-torch@2.11")  # for its LibTorch; no Python at run time
    with when("+cuda"):
        depends_on("py-torch +cuda")
        depends_on("cuda@13:")  # of the version of py-torch's
        depends_on("nccl")

    generator("ninja")
    conflicts("%gcc@:11", msg="dfm is written in C++20")

    def cmake_args(self):
        torch = self.spec["py-torch"]
        return [
            self.define("LIBTORCH", join_path(torch.prefix, self.spec["python"].package.platlib, "torch")),
            self.define("DFM_BUNDLE_LIBTORCH", False),
            self.define("DFM_TESTS", self.run_tests),
            self.define("DFM_WERROR", False),
            self.define("DFM_SANITIZE", False),
            self.define("DFM_FUZZ", False),
            self.define("DFM_CUDA", "ON" if self.spec.satisfies("+cuda") else "OFF"),
        ]

    def setup_run_environment(self, env):
        env.set("DFM_ROOT", self.prefix)
