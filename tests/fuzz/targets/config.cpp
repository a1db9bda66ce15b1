// Configuration files of both kinds.
#include "config/layers.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(yaml) { dfm::read_yaml_file(dfm::fuzz::write_input("a.yaml", dfm::fuzz::text_of(input))); }

FUZZ_TARGET(ini) { dfm::read_ini_file(dfm::fuzz::write_input("a.ini", dfm::fuzz::text_of(input)), "fuzz"); }
