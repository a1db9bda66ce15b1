# From CUDA to C++: launches, and shared memory whose size the launch says.
s/([A-Za-z_][A-Za-z0-9_]*(<([^<>;{}()]|<[^<>;{}()]*>)*>)?)[[:space:]]*<<<([^;]*)>>>[[:space:]]*\(/dfm::emulated::launch("\1", [\&](const auto\&... arguments) { \1(arguments...); }, \4)(/g
s/extern __shared__ ([A-Za-z0-9_]+) ([A-Za-z0-9_]+)\[\];/\1* const \2 = dfm::emulated::shared_memory<\1>();/g
s/__shared__ alignas\(([0-9]+)\)/alignas(\1) __shared__/g
