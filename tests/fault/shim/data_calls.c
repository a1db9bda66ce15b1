/* Calls that move data: noted in the journal before they are made, so that no loss is ever overlooked. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

static long position(int descriptor) {
  struct stat status;
  const long flags = syscall(SYS_fcntl, descriptor, F_GETFL);
  if ((flags & O_APPEND) != 0 && fstat(descriptor, &status) == 0) return (long)status.st_size;
  return syscall(SYS_lseek, descriptor, 0L, SEEK_CUR);
}

/* How much of count is to be written; negative: the call fails. offset < 0: where the file stands. */
static ssize_t allowed(int descriptor, size_t count, long offset) {
  char path[kPathSize];
  if (!shim_path_of(descriptor, path)) return (ssize_t)count;
  const enum verdict verdict = shim_strike('w', path);
  if (verdict == fail) return -1;
  if (verdict == cut_short && count > 1) count /= 2;
  shim_note(fault_journal, "w\t%s\t%ld\t%zu\n", path, offset < 0 ? position(descriptor) : offset, count);
  return (ssize_t)count;
}

static ssize_t readable(int descriptor, size_t count) {
  char path[kPathSize];
  if (!shim_path_of(descriptor, path)) return (ssize_t)count;
  const enum verdict verdict = shim_strike('r', path);
  if (verdict == fail) return -1;
  return (ssize_t)(verdict == cut_short && count > 1 ? count / 2 : count);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  const ssize_t length = descriptor <= 2 ? (ssize_t)count : allowed(descriptor, count, -1);
  return length < 0 ? -1 : syscall(SYS_write, descriptor, bytes, (size_t)length);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
  const ssize_t length = allowed(descriptor, count, offset);
  return length < 0 ? -1 : syscall(SYS_pwrite64, descriptor, bytes, (size_t)length, offset);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
  return pwrite64(descriptor, bytes, count, offset);
}

static size_t total(const struct iovec* parts, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; ++i) sum += parts[i].iov_len;
  return sum;
}

/* Cut short: the first part alone, which is as legal. */
ssize_t writev(int descriptor, const struct iovec* parts, int count) {
  const size_t whole = total(parts, count);
  const ssize_t length = allowed(descriptor, whole, -1);
  if (length < 0) return -1;
  return syscall(SYS_writev, descriptor, parts, (size_t)length < whole ? 1 : count);
}

ssize_t pwritev(int descriptor, const struct iovec* parts, int count, off_t offset) {
  const size_t whole = total(parts, count);
  const ssize_t length = allowed(descriptor, whole, offset);
  if (length < 0) return -1;
  return syscall(SYS_pwritev, descriptor, parts, (size_t)length < whole ? 1 : count, offset, 0L);
}

ssize_t copy_file_range(int in, off64_t* from, int out, off64_t* to, size_t count, unsigned flags) {
  const ssize_t length = allowed(out, count, to == NULL ? -1 : *to);
  return length < 0 ? -1 : syscall(SYS_copy_file_range, in, from, out, to, (size_t)length, flags);
}

ssize_t sendfile64(int out, int in, off64_t* from, size_t count) {
  const ssize_t length = allowed(out, count, -1);
  return length < 0 ? -1 : syscall(SYS_sendfile, out, in, from, (size_t)length);
}

ssize_t sendfile(int out, int in, off_t* from, size_t count) { return sendfile64(out, in, from, count); }

ssize_t read(int descriptor, void* bytes, size_t count) {
  const ssize_t length = readable(descriptor, count);
  return length < 0 ? -1 : syscall(SYS_read, descriptor, bytes, (size_t)length);
}

ssize_t pread64(int descriptor, void* bytes, size_t count, off64_t offset) {
  const ssize_t length = readable(descriptor, count);
  return length < 0 ? -1 : syscall(SYS_pread64, descriptor, bytes, (size_t)length, offset);
}

ssize_t pread(int descriptor, void* bytes, size_t count, off_t offset) {
  return pread64(descriptor, bytes, count, offset);
}
