#!/bin/sh
# Builds the kernel with AddressSanitizer and UndefinedBehaviorSanitizer into a folder of its own and
# runs the tests of the kernel and of the vector index with it; then the threads' driver under TSan.
# usage: native/sanitize.sh [pytest arguments]      $PYTHON chooses the interpreter
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
build=$root/build/sanitize
package=$build/package
prefix=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
nanobind=$("$python" -m nanobind --cmake_dir)

cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DRUVECTOR_SANITIZE=address,undefined \
  -DRUVECTOR_DRIVER=ON -DPython_EXECUTABLE="$python" -Dnanobind_DIR="$nanobind" \
  -DCMAKE_PREFIX_PATH="$prefix" > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }
cmake --build "$build" --parallel 2 >> "$build.log" 2>&1 || { tail -50 "$build.log"; exit 1; }

# The package's Python files with the sanitized module, found before the installed one.
rm -rf "$package"
mkdir -p "$package"
cp -r "$root/src/ruvector" "$package/ruvector"
rm -f "$package"/ruvector/kernel/_kernel*.so
cp "$build"/_kernel*.so "$package/ruvector/kernel/"

cd "$root"
PYTHONPATH=$package:$prefix LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
  PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
  "$python" -S -c '
import sys, pytest, ruvector.kernel._kernel as kernel
assert "sanitize" in kernel.__file__, kernel.__file__
sys.exit(pytest.main(sys.argv[1:]))' \
  -p no:cacheprovider -q tests/kernel tests/index/test_vector_index.py tests/index/test_graph.py "$@"

TSAN_OPTIONS=halt_on_error=1 "$build/graph_threads"
