#include "data/pickle/opcodes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "data/pickle/call.h"
#include "data/pickle/globals.h"
#include "data/pickle/machine.h"

namespace dfm::data::pickle {
namespace {

using Operation = void (*)(Machine&);

constexpr int kNewestProtocol = 5;

void protocol(Machine& m) {
  const int version = m.number<std::uint8_t>();
  if (version < 2 || version > kNewestProtocol) {
    throw data_error(fmt::format("pickle protocol {} is not supported", version),
                     "write it with protocol 2, 3, 4 or 5");
  }
}

// Frames only tell how much to read at a time.
void frame(Machine& m) { m.number<std::uint64_t>(); }

template <class T>
void integer(Machine& m) {
  m.push_new(std::int64_t{m.number<T>()});
}

void long_integer(Machine& m) {
  const ByteRange bytes = m.take(m.number<std::uint8_t>());
  if (bytes.size() > sizeof(std::int64_t)) return m.push_new(WideInteger{bytes});
  std::uint64_t value = 0;
  const std::vector<std::byte> digits = bytes.bytes();
  const bool is_negative = !digits.empty() && (digits.back() & std::byte{0x80}) != std::byte{0};
  for (std::size_t i = 0; i < sizeof(value); ++i) {
    const auto digit =
        i < digits.size() ? std::to_integer<std::uint64_t>(digits[i]) : (is_negative ? 0xFFU : 0U);
    value |= digit << (8 * i);
  }
  m.push_new(std::bit_cast<std::int64_t>(value));
}

// Most significant byte first, unlike everything else.
void floating_point(Machine& m) {
  m.push_new(std::bit_cast<double>(__builtin_bswap64(m.number<std::uint64_t>())));
}

template <class Length>
void text(Machine& m) {
  const auto length = m.number<Length>();
  m.push_new(Text{m.take(length)});
}

template <class Length>
void bytes(Machine& m) {
  const auto length = m.number<Length>();
  m.push_new(Bytes{m.take(length)});
}

template <int count>
void tuple(Machine& m) {
  std::vector<Ref> items(count);
  std::generate(items.rbegin(), items.rend(), [&m] { return m.pop(); });
  m.push_new(Tuple{std::move(items)});
}

void tuple_to_mark(Machine& m) { m.push_new(Tuple{m.pop_to_mark()}); }

void add_items(Machine& m, Ref object, std::span<const Ref> added) {
  auto& items = m.graph().as<List>(object, "what items are appended to").items;
  items.insert(items.end(), added.begin(), added.end());
}

void add_pairs(Machine& m, Ref object, std::span<const Ref> added) {
  auto& pairs = m.graph().as<Dict>(object, "what items are set in").pairs;
  if (added.size() % 2 != 0) throw data_error("a key has no value");
  for (std::size_t i = 0; i < added.size(); i += 2) pairs.emplace_back(added[i], added[i + 1]);
}

void append(Machine& m) {
  const Ref item = m.pop();
  add_items(m, m.top(), std::array{item});
}

void append_to_mark(Machine& m) {
  const std::vector<Ref> items = m.pop_to_mark();
  add_items(m, m.top(), items);
}

void set_item(Machine& m) {
  const Ref value = m.pop();
  const Ref key = m.pop();
  add_pairs(m, m.top(), std::array{key, value});
}

void set_items_to_mark(Machine& m) {
  const std::vector<Ref> items = m.pop_to_mark();
  add_pairs(m, m.top(), items);
}

void global(Machine& m) {
  const std::string module = m.line();
  const std::string name = m.line();
  m.push_new(Name{&permitted_global(module, name)});
}

void global_from_stack(Machine& m) {
  const std::string name = m.graph().name(m.pop(), "the name of a global");
  const std::string module = m.graph().name(m.pop(), "the module of a global");
  m.push_new(Name{&permitted_global(module, name)});
}

void reduce(Machine& m) {
  const Ref arguments = m.pop();
  const Ref function = m.pop();
  m.push(call(m.graph(), function, arguments));
}

void set_state(Machine& m) {
  const Ref state = m.pop();
  build(m.graph(), m.top(), state);
}

void persistent_id(Machine& m) {
  if (m.dialect() != Dialect::torch) throw data_error("it refers to a storage outside of the pickle");
  m.push(persistent_storage(m.graph(), m.pop()));
}

void out_of_band(Machine&) {
  throw data_error("the content of an array is outside of the pickle", "write it without buffer_callback");
}

struct Row {
  std::uint8_t opcode;
  Operation operation;
};

constexpr std::array kRows{
    Row{0x80, protocol},
    Row{0x95, frame},
    Row{'.', [](Machine& m) { m.stop(); }},
    Row{'(', [](Machine& m) { m.mark(); }},

    Row{'N', [](Machine& m) { m.push_new(None{}); }},
    Row{0x88, [](Machine& m) { m.push_new(true); }},
    Row{0x89, [](Machine& m) { m.push_new(false); }},
    Row{'K', integer<std::uint8_t>},
    Row{'M', integer<std::uint16_t>},
    Row{'J', integer<std::int32_t>},
    Row{0x8a, long_integer},
    Row{'G', floating_point},
    Row{0x8c, text<std::uint8_t>},
    Row{'X', text<std::uint32_t>},
    Row{0x8d, text<std::uint64_t>},
    Row{'C', bytes<std::uint8_t>},
    Row{'B', bytes<std::uint32_t>},
    Row{0x8e, bytes<std::uint64_t>},
    Row{0x96, bytes<std::uint64_t>},  // a bytearray
    Row{0x97, out_of_band},
    Row{0x98, out_of_band},

    Row{')', tuple<0>},
    Row{0x85, tuple<1>},
    Row{0x86, tuple<2>},
    Row{0x87, tuple<3>},
    Row{'t', tuple_to_mark},
    Row{']', [](Machine& m) { m.push_new(List{}); }},
    Row{'a', append},
    Row{'e', append_to_mark},
    Row{'}', [](Machine& m) { m.push_new(Dict{}); }},
    Row{'s', set_item},
    Row{'u', set_items_to_mark},

    Row{'q', [](Machine& m) { m.remember(m.number<std::uint8_t>()); }},
    Row{'r', [](Machine& m) { m.remember(m.number<std::uint32_t>()); }},
    Row{0x94, [](Machine& m) { m.remember_next(); }},
    Row{'h', [](Machine& m) { m.recall(m.number<std::uint8_t>()); }},
    Row{'j', [](Machine& m) { m.recall(m.number<std::uint32_t>()); }},

    Row{'c', global},
    Row{0x93, global_from_stack},
    Row{'R', reduce},
    Row{0x81, reduce},  // cls.__new__(cls, *arguments) of the permitted classes
    Row{'b', set_state},
    Row{'Q', persistent_id},
};

constexpr std::array<Operation, 256> kOperations = [] {
  std::array<Operation, 256> table{};
  for (const Row& row : kRows) table[row.opcode] = row.operation;
  return table;
}();

}  // namespace

void execute(Machine& machine, std::uint8_t opcode) {
  if (const Operation operation = kOperations[opcode]) return operation(machine);
  throw data_error(fmt::format("the pickle opcode 0x{:02x} is not supported", opcode),
                   "write the file with pickle protocol 2, 3, 4 or 5, and plain values only");
}

}  // namespace dfm::data::pickle
