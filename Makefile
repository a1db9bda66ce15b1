# The front door: each command does all that it needs, and skips what is done.
BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
COUNT ?= 1000
MINUTES ?= 10

.PHONY: help configure programs build bundle gpu-check install uninstall demo test quick-test slurm-test torture fuzz bench format tidy sanitize clean

help:            ## print this
	@sed -n 's/^\([a-z-]*\): *.*## /  make \1\t/p' Makefile | expand -t 22

configure:
	@tools/bootstrap build
	@cmake -S . -B $(BUILD) -G Ninja > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 2; }

programs: configure
	@cmake --build $(BUILD) -j $(JOBS) --target programs

build: configure ## install what is missing, configure, compile
	@cmake --build $(BUILD) -j $(JOBS)

demo: programs  ## train a small model on real handwritten digits and draw with it
	@tools/demo $(BUILD)/bin

install: programs ## PREFIX=FOLDER: programs, library, manual pages, module file (share/doc/install.md)
	@cmake --build $(BUILD) -j $(JOBS) --target manuals
	@DESTDIR="$(DESTDIR)" tools/install $(BUILD) "$(PREFIX)"

bundle: build    ## BUILD/dfm-VERSION-x86_64.tar.gz: runs on another Linux that has LibTorch (LIBTORCH=), GPUs included
	@tools/bundle $(BUILD)

gpu-check: build ## prove and measure the GPU of this machine; ARGUMENTS="--quick --only kernels" chooses
	@DFM_BIN_DIR=$(CURDIR)/$(BUILD)/bin share/gpu_check/dfm-gpu-check --output $(BUILD)/gpu_check $(ARGUMENTS)

uninstall:       ## remove what the last make install put there
	@DESTDIR="$(DESTDIR)" tools/uninstall $(BUILD)

test: build      ## everything: unit, MPI, programs, faults, comparisons with the Python peers, the demo
	@tools/bootstrap test
	@tools/run_tests $(BUILD)

quick-test: build ## unit and MPI tests alone
	@ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure

slurm-test: programs ## jobs/ on a private Slurm, which needs root
	@tools/bootstrap test
	@DFM_BIN_DIR=$(CURDIR)/$(BUILD)/bin .deps/venv/bin/python -m pytest -c tests/pytest.ini --rootdir . -q \
	  -p no:cacheprovider tests/slurm

torture: build   ## COUNT=1000 random faults (kills, lost power, failing disks, flipped bits); SEED= repeats, SUMMARY= resumes
	@tools/bootstrap test
	@DFM_BIN_DIR=$(CURDIR)/$(BUILD)/bin .deps/venv/bin/python tests/fault/campaign.py --count $(COUNT) \
	  $(if $(SEED),--seed $(SEED)) $(if $(SUMMARY),--summary $(SUMMARY))

fuzz:            ## MINUTES=10 [TARGET=tar]: readers of foreign files under libFuzzer and the sanitizers (clang)
	@tools/bootstrap build
	@tools/bootstrap fuzz
	@tools/fuzz $(BUILD)-fuzz $(MINUTES) $(TARGET)

bench: build     ## steps, start-up, checkpoints, recovery and data, beside PyTorch, plain reads and writes, and the peers
	@tools/bootstrap test
	@.deps/venv/bin/python tests/bench/bench.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/fsdp_memory.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/shard_bench.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/consolidate_bench.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/checkpoint.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/recovery.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/recovery.py $(BUILD)/bin --by srun
	@.deps/venv/bin/python tests/bench/loader.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/index.py $(BUILD)/bin
	@.deps/venv/bin/python tests/bench/soak.py $(BUILD)/bin

format:          ## format all C++ sources
	@git ls-files -co --exclude-standard '*.cpp' '*.h' | xargs clang-format -i

tidy: build      ## clang-tidy over all C++ sources
	@tools/tidy $(BUILD)

sanitize:        ## build with the address and undefined-behaviour sanitizers and run the unit tests
	@tools/bootstrap build
	@cmake -S . -B $(BUILD)-sanitize -G Ninja -DDFM_SANITIZE=ON > /dev/null
	@cmake --build $(BUILD)-sanitize -j $(JOBS)
	@ctest --test-dir $(BUILD)-sanitize -j $(JOBS) --output-on-failure -E '^mpi'

clean:           ## remove everything that was built; downloads stay in .deps
	@rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-fuzz $(BUILD).log $(BUILD)-fuzz.log demo
