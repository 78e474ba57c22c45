// The Python module: one file per room of functions, none of them holds a rule of its own.
#include "arrays.hpp"
#include "codes.hpp"

NB_MODULE(_kernel, module) {
  namespace nb = nanobind;
  module.doc() = "Compiled kernel of ruvector; ruvector.kernel is its documented face.";
  ruvector::bind_text(module);
  ruvector::bind_exact(module);
  ruvector::bind_graph(module);
  ruvector::bind_ids(module);
  module.def(
      "set_int8_dot",
      [](std::uintptr_t address) {
        ruvector::set_int8_dot(reinterpret_cast<ruvector::Int8Dot>(address));
      },
      nb::arg("address"));
}
