"""Cold files for benchmarks."""

import os


def forget(files):
    """Takes files out of the page cache; what is not yet on the disk goes there first."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
