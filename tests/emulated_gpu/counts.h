// What a process asked of the emulated GPU: how often each operator was called, and how often the host had to
// wait for the device, by cause. At its end it writes both as JSON to $DFM_EMULATED_GPU_COUNTS/PID.json.
#pragma once

#include <string>

namespace dfm::emulated {

void count_operator(const std::string& name);
void count_wait(const std::string& cause);

}  // namespace dfm::emulated
