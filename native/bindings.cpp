// The only file that knows Python: conversions between numpy arrays and the kernel's plain functions.
#include <nanobind/nanobind.h>

NB_MODULE(_kernel, module) {
  module.doc() = "Compiled kernel of ruvector.";
}
