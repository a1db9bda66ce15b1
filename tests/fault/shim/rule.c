/* Which call a fault strikes, and what then happens. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

struct rule {
  char calls[16], pattern[256], action[32];
  int first, count, rank;
};

static struct rule rule;
static bool has_rule;
static atomic_int matches;

/* Raw system calls: the shim must not meet itself. One write a line, so that processes share a file in order.
 */
void shim_note(enum setting setting, const char* format, ...) {
  const char* const file = shim_setting(setting);
  if (file == NULL) return;
  const int saved = errno;
  char line[3 * kPathSize];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  const long out = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (out >= 0) {
    syscall(SYS_write, out, line, (size_t)length);
    syscall(SYS_close, out);
  }
  errno = saved;
}

__attribute__((constructor)) static void read_rule(void) {
  const char* const text = shim_setting(fault_rule);
  has_rule = text != NULL && sscanf(text, "%15[^|]|%255[^|]|%d|%d|%d|%31[^\n]", rule.calls, rule.pattern,
                                    &rule.first, &rule.count, &rule.rank, rule.action) == 6;
  if (strstr(program_invocation_short_name, "dfm_") != NULL) {
    shim_note(fault_pids, "%d %d\n", shim_rank(), (int)getpid());
  }
}

/* All processes at one moment; what they did until now is in the journal, and its end is marked before this
 * one goes. */
static void cut_power(void) {
  const char* const file = shim_setting(fault_pids);
  FILE* const pids = file == NULL ? NULL : fopen(file, "r");
  int rank, pid;
  while (pids != NULL && fscanf(pids, "%d %d", &rank, &pid) == 2) {
    if (pid != getpid()) kill(pid, SIGKILL);
  }
  shim_note(fault_journal, "p\n");
  kill(getpid(), SIGKILL);
}

static enum verdict act(void) {
  int number = 0;
  if (strcmp(rule.action, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(rule.action, "power") == 0) cut_power();
  if (strcmp(rule.action, "short") == 0) return cut_short;
  if (sscanf(rule.action, "signal %d", &number) == 1) kill(getpid(), number);
  if (sscanf(rule.action, "sleep %d", &number) == 1) {
    const struct timespec pause = {number / 1000, number % 1000 * 1000000L};
    nanosleep(&pause, NULL);
  }
  if (sscanf(rule.action, "errno %d", &number) != 1) return go_on;
  errno = number;
  return fail;
}

enum verdict shim_strike(char call, const char* path) {
  if (!has_rule || strchr(rule.calls, call) == NULL) return go_on;
  if (rule.rank >= 0 && rule.rank != shim_rank()) return go_on;
  if (fnmatch(rule.pattern, path, 0) != 0) return go_on;
  const int match = atomic_fetch_add(&matches, 1) + 1;
  if (match < rule.first || (rule.count >= 0 && match >= rule.first + rule.count)) return go_on;
  shim_note(fault_log, "%d %c %s\n", shim_rank(), call, path);
  return act();
}
