// Emulated kernels fail at once (emulated_gpu/kernel_launch.h).
#pragma once

#define C10_CUDA_KERNEL_LAUNCH_CHECK()
