// When the Slurm job that this process belongs to reaches its time limit.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace dfm {

// SLURM_JOB_END_TIME where this Slurm sets it, else one question to squeue, which is given a few seconds.
// Empty outside a job, for a job without a limit, and when nobody answers. Ask on one rank.
std::optional<std::chrono::system_clock::time_point> slurm_end_time();

// "1-02:03:04", "02:03:04", "03:04": the time left as squeue prints it; empty for "UNLIMITED", "INVALID" and
// all else.
std::optional<std::chrono::seconds> parse_slurm_duration(std::string_view text);

}  // namespace dfm
