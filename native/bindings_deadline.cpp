// Deadlines and meters for Python.
#include "arrays.hpp"
#include "deadline.hpp"
#include "meter.hpp"

namespace nb = nanobind;

namespace ruvector {

void bind_deadline(nb::module_& module) {
  nb::exception<DeadlinePassed>(module, "DeadlinePassed", PyExc_TimeoutError);
  nb::class_<Deadline>(module, "Deadline")
      .def(nb::init<double>(), nb::arg("seconds"))
      .def("cancel", &Deadline::cancel)
      .def_prop_ro("was_cancelled", &Deadline::was_cancelled)
      .def_prop_ro("has_passed", &Deadline::has_passed);
  // The caller keeps the deadline alive until it exchanges it again.
  module.def(
      "exchange_deadline",
      [](const Deadline* deadline) {
        const Deadline* before = current_deadline;
        current_deadline = deadline;
        return before;
      },
      nb::arg("deadline").none(), nb::rv_policy::reference);
  nb::class_<Meter>(module, "Meter")
      .def(nb::init<>())
      .def("add", &Meter::add, nb::arg("bytes"))
      .def_prop_ro("bytes", &Meter::bytes);
  // The caller keeps the meter alive until it exchanges it again.
  module.def(
      "exchange_meter", [](Meter* meter) { current_meter = meter; }, nb::arg("meter").none());
  module.def("works_for_deadline", [] { return current_deadline != nullptr; });
  module.def("check_deadline", &check_deadline);
}

}  // namespace ruvector
