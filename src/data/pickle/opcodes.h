// The instruction set of the machine.
#pragma once

#include <cstdint>

namespace dfm::data::pickle {

class Machine;

// Executes one opcode, whose operands follow at the machine's position. Throws a data error for one that is
// not supported.
void execute(Machine& machine, std::uint8_t opcode);

}  // namespace dfm::data::pickle
