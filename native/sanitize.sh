#!/bin/sh
# Is the kernel free of memory errors, undefined behaviour and races? Builds it with
# AddressSanitizer and UndefinedBehaviorSanitizer into a folder of its own and runs the tests of the
# kernel, the graph and the vector index with it, with every byte of the damage tests; then the
# driver of native/driver_threads.cpp under ThreadSanitizer. The damage tests run beside the others.
# usage: native/sanitize.sh [pytest arguments]
# $PYTHON chooses the interpreter, $SANITIZE_BUILD the folder. $RACE_ROWS, $RACE_READERS: the
# driver's arguments, for longer runs.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
build=${SANITIZE_BUILD:-${TMPDIR:-/tmp}/ruvector-sanitize-$(id -u)}
package=$build/package
prefix=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
nanobind=$("$python" -m nanobind --cmake_dir)
steps_seconds=1800  # no step hangs: minutes on an idle machine

mkdir -p "$build"
log=$build/build.log
# -O1 and line tables only: the build takes half the time of RelWithDebInfo's -O2 -g.
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" -DRUVECTOR_SANITIZE=address,undefined \
  -DRUVECTOR_DRIVER=ON -DPython_EXECUTABLE="$python" -Dnanobind_DIR="$nanobind" \
  -DCMAKE_PREFIX_PATH="$prefix" > "$log" 2>&1 || { cat "$log"; exit 1; }
cmake --build "$build" --parallel 2 >> "$log" 2>&1 || { tail -50 "$log"; exit 1; }

# The package's Python files with the sanitized module, found before the installed one.
rm -rf "$package"
mkdir -p "$package"
cp -r "$root/src/ruvector" "$package/ruvector"
rm -f "$package"/ruvector/kernel/_kernel*.so
cp "$build"/_kernel*.so "$package/ruvector/kernel/"

cd "$root"
# The C++ library is loaded first: libasan looks for its exceptions (__cxa_throw) at the start.
preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
preload="$preload $(gcc -print-file-name=libstdc++.so)"
tests() {
  RUVECTOR_EVERY_BYTE=1 PYTHONPATH=$package:$prefix LD_PRELOAD=$preload PYTHONMALLOC=malloc \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    timeout "$steps_seconds" "$python" -S -c '
import sys, pytest, ruvector.kernel._kernel as kernel
assert kernel.__file__.startswith(sys.argv[1]), kernel.__file__
sys.exit(pytest.main(sys.argv[2:]))' "$package" -p no:cacheprovider -q --durations=5 "$@"
}
damage=$build/damage.log
tests tests/index/test_graph_damage.py > "$damage" 2>&1 &
damage_pid=$!
failed=0
tests tests/kernel tests/index/test_vector_index.py tests/index/test_graph.py \
  tests/index/test_coded_graph.py "$@" || failed=1
wait "$damage_pid" || failed=1
cat "$damage"
test "$failed" = 0

TSAN_OPTIONS=halt_on_error=1 timeout "$steps_seconds" "$build/graph_threads" \
  "${RACE_ROWS:-40}" "${RACE_READERS:-2}"
