// The table from ids to rows.
#include "arrays.hpp"
#include "idtable.hpp"

namespace ruvector {
namespace {

using Ids1 = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class Each>
nb::object rows_for(Ids1 ids, Each&& each) {
  auto out = new_array<std::uint32_t>({ids.shape(0)});
  for (std::size_t i = 0; i < ids.shape(0); ++i) out.data()[i] = each(ids.data()[i], i);
  return nb::cast(out);
}

}  // namespace

void bind_ids(nb::module_& module) {
  nb::class_<IdTable>(module, "IdTable")
      .def(nb::init<>())
      .def("__len__", &IdTable::size)
      .def_prop_ro("memory_bytes", &IdTable::memory_bytes)
      .def(
          "get",
          [](const IdTable& table, Ids1 ids) {
            return rows_for(ids, [&](std::uint64_t id, std::size_t) { return table.get(id); });
          },
          nb::arg("ids").noconvert())
      .def(
          "put",
          [](IdTable& table, Ids1 ids, std::uint32_t first_row) {
            return rows_for(ids, [&](std::uint64_t id, std::size_t i) {
              return table.put(id, first_row + static_cast<std::uint32_t>(i));
            });
          },
          nb::arg("ids").noconvert(), nb::arg("first_row"))
      .def(
          "take",
          [](IdTable& table, Ids1 ids) {
            return rows_for(ids, [&](std::uint64_t id, std::size_t) { return table.take(id); });
          },
          nb::arg("ids").noconvert());
}

}  // namespace ruvector
