/* Calls that make, name, remove and flush files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

static bool exists(const char* path) {
  struct stat status;
  const int saved = errno;
  const bool found = syscall(SYS_newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
  errno = saved;
  return found;
}

static int open_file(int folder, const char* name, int flags, mode_t mode) {
  char path[kPathSize];
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (shim_path_at(folder, name, path) && (flags & O_DIRECTORY) == 0) {
    if (shim_strike(writes ? 'c' : 'o', path) == fail) return -1;
    if ((flags & O_CREAT) != 0 && !exists(path)) shim_note(fault_journal, "c\t%s\n", path);
    if ((flags & O_TRUNC) != 0 && exists(path)) shim_note(fault_journal, "t\t%s\t0\n", path);
  }
  return (int)syscall(SYS_openat, folder, name, flags, mode);
}

#define TAKE_MODE(flags)                        \
  mode_t mode = 0;                              \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list arguments;                          \
    va_start(arguments, flags);                 \
    mode = (mode_t)va_arg(arguments, unsigned); \
    va_end(arguments);                          \
  }

int open(const char* name, int flags, ...) {
  TAKE_MODE(flags)
  return open_file(AT_FDCWD, name, flags, mode);
}

int open64(const char* name, int flags, ...) {
  TAKE_MODE(flags)
  return open_file(AT_FDCWD, name, flags, mode);
}

int openat(int folder, const char* name, int flags, ...) {
  TAKE_MODE(flags)
  return open_file(folder, name, flags, mode);
}

int openat64(int folder, const char* name, int flags, ...) {
  TAKE_MODE(flags)
  return open_file(folder, name, flags, mode);
}

static int flush(long call, int descriptor) {
  char path[kPathSize];
  if (!shim_path_of(descriptor, path)) return (int)syscall(call, descriptor);
  if (shim_strike('s', path) == fail) return -1;
  const long id = shim_sync_begins(path);
  const int status = (int)syscall(call, descriptor);
  if (status == 0) shim_sync_ended(id);
  return status;
}

int fsync(int descriptor) { return flush(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return flush(SYS_fdatasync, descriptor); }

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  char source[kPathSize], target[kPathSize], kept[kPathSize];
  if (shim_path_at(from_folder, from, source) && shim_path_at(to_folder, to, target)) {
    if (shim_strike('n', target) == fail) return -1;
    shim_keep(to_folder, to, kept);
    shim_note(fault_journal, "r\t%s\t%s\t%s\n", source, target, kept);
  }
  return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return renameat2(from_folder, from, to_folder, to, 0);
}

int rename(const char* from, const char* to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char* name, int flags) {
  char path[kPathSize], kept[kPathSize];
  if (shim_path_at(folder, name, path) && exists(path)) {
    if (shim_strike('u', path) == fail) return -1;
    if ((flags & AT_REMOVEDIR) == 0) {
      shim_keep(folder, name, kept);
      shim_note(fault_journal, "u\t%s\t%s\n", path, kept);
    }
  }
  return (int)syscall(SYS_unlinkat, folder, name, flags);
}

int unlink(const char* name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char* name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int remove(const char* name) {
  const int status = unlink(name);
  return status != 0 && errno == EISDIR ? rmdir(name) : status;
}

int mkdir(const char* name, mode_t mode) {
  char path[kPathSize];
  if (shim_path_at(AT_FDCWD, name, path) && !exists(path)) {
    if (shim_strike('m', path) == fail) return -1;
    shim_note(fault_journal, "d\t%s\n", path);
  }
  return (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
}

int ftruncate64(int descriptor, off64_t size) {
  char path[kPathSize];
  if (shim_path_of(descriptor, path)) {
    if (shim_strike('t', path) == fail) return -1;
    shim_note(fault_journal, "t\t%s\t%ld\n", path, (long)size);
  }
  return (int)syscall(SYS_ftruncate, descriptor, size);
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int truncate64(const char* name, off64_t size) {
  char path[kPathSize];
  if (shim_path_at(AT_FDCWD, name, path)) {
    if (shim_strike('t', path) == fail) return -1;
    shim_note(fault_journal, "t\t%s\t%ld\n", path, (long)size);
  }
  return (int)syscall(SYS_truncate, name, size);
}

int truncate(const char* name, off_t size) { return truncate64(name, size); }
