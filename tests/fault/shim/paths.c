/* Names of what calls are about, and links to what they would destroy. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

static atomic_long next_id;

static bool is_watched(const char* path) {
  const char* const root = shim_setting(fault_root);
  return root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static bool name_of(int descriptor, char path[kPathSize]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const int saved = errno;
  const long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, kPathSize - 1);
  errno = saved;
  path[length < 0 ? 0 : length] = '\0';
  return length > 0;
}

bool shim_path_of(int descriptor, char path[kPathSize]) {
  return descriptor > 2 && name_of(descriptor, path) && is_watched(path);
}

bool shim_path_at(int folder, const char* name, char path[kPathSize]) {
  char above[kPathSize] = "";
  if (name == NULL) return false;
  if (name[0] != '/') {
    if (folder != AT_FDCWD ? !name_of(folder, above) : getcwd(above, sizeof above) == NULL) return false;
    strncat(above, "/", sizeof above - strlen(above) - 1);
  }
  return snprintf(path, kPathSize, "%s%s", above, name) < kPathSize && is_watched(path);
}

void shim_keep(int folder, const char* name, char kept[kPathSize]) {
  const char* const place = shim_setting(fault_keep);
  const int saved = errno;
  snprintf(kept, kPathSize, "%s/%d-%ld", place == NULL ? "" : place, (int)getpid(),
           atomic_fetch_add(&next_id, 1));
  if (place == NULL || syscall(SYS_linkat, folder, name, AT_FDCWD, kept, 0) != 0) strcpy(kept, "-");
  errno = saved;
}

long shim_sync_begins(const char* path) {
  const long id = (long)getpid() * 1000000 + atomic_fetch_add(&next_id, 1);
  shim_note(fault_journal, "s\t%s\t%ld\n", path, id);
  return id;
}

void shim_sync_ended(long id) { shim_note(fault_journal, "e\t%ld\n", id); }
