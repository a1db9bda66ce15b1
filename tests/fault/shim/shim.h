/* A library for LD_PRELOAD that makes file systems and clocks misbehave, for the fault campaign.
 *
 *   DFM_FAULT_ROOT     folder; calls on files elsewhere are left alone
 *   DFM_FAULT          CALLS|PATTERN|FIRST|COUNT|RANK|ACTION, e.g. "sync|*rank_*|2|1|0|errno 5": the
 *                      second fsync of a rank file on rank 0 fails with EIO. CALLS is letters:
 *                      create w(rite) s(ync) n (rename) u(nlink)
 *                      m(kdir) t(runcate) r(ead) o(pen to read); COUNT -1 is for ever; RANK -1 is every rank.
 *                      ACTION: kill | power | errno N | signal N | short | sleep MILLISECONDS
 *   DFM_FAULT_LOG      file: a line "RANK CALL PATH" when the rule strikes
 *   DFM_FAULT_PIDS     file: a line "RANK PID" from every process that starts
 *   DFM_FAULT_JOURNAL  file: what was changed and what was made durable, for power_loss.py
 *   DFM_FAULT_KEEP     folder on the same file system: removed and replaced files are kept there as links
 *   DFM_FAULT_CLOCK    AFTER:JUMP, in seconds: the wall clock jumps so long after the start of a process
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { kPathSize = 4096 };

/* What happens to a call. */
enum verdict { go_on, fail, cut_short };

enum setting {
  fault_root,
  fault_rule,
  fault_log,
  fault_pids,
  fault_journal,
  fault_keep,
  fault_clock,
  kSettings
};

/* One of the variables above; NULL where it is not set. */
const char* shim_setting(enum setting which);
int shim_rank(void);

/* Writes one line to the file that a setting names; none where it is not set. */
void shim_note(enum setting setting, const char* format, ...) __attribute__((format(printf, 2, 3)));

/* The absolute path of what a call is about, where that lies below DFM_FAULT_ROOT. */
bool shim_path_of(int descriptor, char path[kPathSize]);
bool shim_path_at(int folder, const char* name, char path[kPathSize]);

/* Asks the rule; may not return. With fail, errno is set. */
enum verdict shim_strike(char call, const char* path);

/* The journal. Kept links come back as names, or "-". */
void shim_keep(int folder, const char* name, char kept[kPathSize]);
long shim_sync_begins(const char* path);
void shim_sync_ended(long id);
