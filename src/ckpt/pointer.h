// latest_checkpointed_iteration.txt: the step of the newest announced checkpoint, as decimal text (the
// tracker file of Megatron, spec/dfm.md section 9.3). Lowering it by hand makes a run go back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dfm::ckpt {

inline constexpr const char* kPointerName = "latest_checkpointed_iteration.txt";

// Empty when there is none, or when it holds no number.
std::optional<std::int64_t> read_pointer(const std::filesystem::path& root);

void write_pointer(const std::filesystem::path& root, std::int64_t step);

}  // namespace dfm::ckpt
