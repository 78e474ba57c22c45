// The Python module: one file per room of functions, none of them holds a rule of its own.
#include "arrays.hpp"
#include "codes.hpp"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

NB_MODULE(_kernel, module) {
  namespace nb = nanobind;
#ifndef __SANITIZE_ADDRESS__
  // A program may end without closing what it opened: the interpreter then goes before the objects
  // do, and nanobind would print each of them. Builds with sanitizers keep the warnings.
  nb::set_leak_warnings(false);
#endif
  module.doc() = "Compiled kernel of ruvector; ruvector.kernel is its documented face.";
  ruvector::bind_text(module);
  ruvector::bind_json(module);
  ruvector::bind_records(module);
  ruvector::bind_codes(module);
  ruvector::bind_exact(module);
  ruvector::bind_graph(module);
  ruvector::bind_ids(module);
  ruvector::bind_sparse(module);
  ruvector::bind_multi(module);
  ruvector::bind_deadline(module);
  ruvector::bind_payload(module);
  ruvector::bind_proto(module);
  module.def("trim_heap", [] {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
  });
  module.def(
      "set_int8_dot",
      [](std::uintptr_t address) {
        ruvector::set_int8_dot(reinterpret_cast<ruvector::Int8Dot>(address));
      },
      nb::arg("address"));
}
