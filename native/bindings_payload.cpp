// What payload indexes ask of the kernel: bitmaps of rows, counts by value, positions in regions.
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "geo.hpp"
#include "row_set.hpp"
#include "sorted_pairs.hpp"

namespace ruvector {
namespace {

using Codes1 = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Flags1 = nb::ndarray<const bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers1 = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Counts1 = nb::ndarray<std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr std::size_t kLongRows = 16 << 10;  // about 20 us

nb::bytes bytes_of(const std::string& text) { return nb::bytes(text.data(), text.size()); }

nb::bytes roaring_of_rows(Rows1 rows) {
  std::string out;
  {
    const MaybeReleaseGil released(rows.shape(0) > kLongRows);
    out = roaring_of(rows.data(), rows.shape(0));
  }
  return bytes_of(out);
}

void count_codes(Rows1 codes, Rows1 rows, Counts1 counts) {
  const std::uint32_t* const held = codes.data();
  std::uint32_t* const out = counts.data();
  const std::size_t total = codes.shape(0), most = counts.shape(0);
  bool fits = true;
  {
    const MaybeReleaseGil released(rows.shape(0) > kLongRows);
    for (std::size_t i = 0; i < rows.shape(0); ++i) {
      const std::uint32_t row = rows.data()[i];
      if (row >= total) continue;
      if (held[row] >= most) {
        fits = false;
        break;
      }
      ++out[held[row]];
    }
  }
  if (!fits) throw nb::value_error("a code lies beyond the counts");
}

void set_codes(Counts1 codes, Rows1 rows, std::uint32_t code) {
  for (std::size_t i = 0; i < rows.shape(0); ++i) {
    if (rows.data()[i] >= codes.shape(0)) throw nb::value_error("a row lies beyond the codes");
    codes.data()[rows.data()[i]] = code;
  }
}

GeoRegion region_of(int kind, const Numbers1& numbers, const Rows1& rings) {
  GeoRegion region{};
  const double* const n = numbers.data();
  const std::size_t count = numbers.shape(0);
  const auto expect = [&](bool right) {
    if (!right) throw nb::value_error("the region has the wrong number of numbers");
  };
  const auto step = [](double value) {
    if (!(value >= 0 && value < 4294967296.0)) throw nb::value_error("a step is out of range");
    return static_cast<std::uint64_t>(value);
  };
  if (kind == GeoRegion::Circle) {
    expect(count == 3);
    region.kind = GeoRegion::Circle;
    region.lon = n[0], region.lat = n[1], region.radius = n[2];
  } else if (kind == GeoRegion::Box) {
    expect(count == 5);
    region.kind = GeoRegion::Box;
    region.west = step(n[0]), region.south = step(n[1]);
    region.east = step(n[2]), region.north = step(n[3]);
    region.crosses = n[4] != 0;
  } else if (kind == GeoRegion::Polygon) {
    region.kind = GeoRegion::Polygon;
    expect(rings.shape(0) > 0 && rings.data()[0] == 0 &&
           2 * std::size_t{rings.data()[rings.shape(0) - 1]} == count);
    for (std::size_t ring = 0; ring + 1 < rings.shape(0); ++ring)
      expect(rings.data()[ring] <= rings.data()[ring + 1]);
    for (std::size_t ring = 0; ring + 1 < rings.shape(0); ++ring) {
      for (std::size_t i = rings.data()[ring]; i + 1 < rings.data()[ring + 1]; ++i)
        region.lines.push_back({n[2 * i], n[2 * i + 1], n[2 * i + 2], n[2 * i + 3],
                                static_cast<std::uint32_t>(ring)});
    }
  } else {
    throw nb::value_error("kind must be 0 (circle), 1 (box) or 2 (polygon)");
  }
  return region;
}

std::pair<nb::bytes, nb::bytes> geo_rows(Codes1 codes, Rows1 rows, std::optional<Flags1> dead,
                                         Codes1 new_codes, Rows1 new_rows, int kind,
                                         Numbers1 numbers, Rows1 rings) {
  if (codes.shape(0) != rows.shape(0) || new_codes.shape(0) != new_rows.shape(0) ||
      (dead && dead->shape(0) != codes.shape(0)))
    throw nb::value_error("codes, rows and dead must have the same length");
  const GeoRegion region = region_of(kind, numbers, rings);
  const auto* const flags = dead ? reinterpret_cast<const std::uint8_t*>(dead->data()) : nullptr;
  std::string inside, open;
  {
    const MaybeReleaseGil released(codes.shape(0) + new_codes.shape(0) > kLongRows);
    GeoFound found;
    find_positions(region, {codes.data(), rows.data(), flags, codes.shape(0)}, found);
    try_positions(region, {new_codes.data(), new_rows.data(), nullptr, new_codes.shape(0)}, found);
    inside = roaring_of(found.inside.data(), found.inside.size());
    open = roaring_of(found.open.data(), found.open.size());
  }
  return {bytes_of(inside), bytes_of(open)};
}

template <class Value>
using Values1 = nb::ndarray<const Value, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class Value>
std::pair<nb::object, nb::object> merge_pairs_of(Values1<Value> values, Rows1 rows,
                                                 std::optional<Flags1> dead,
                                                 Values1<Value> new_values, Rows1 new_rows) {
  const std::size_t old = values.shape(0), added = new_values.shape(0);
  if (rows.shape(0) != old || new_rows.shape(0) != added || (dead && dead->shape(0) != old))
    throw nb::value_error("values, rows and dead must have the same length");
  const auto* const flags = dead ? reinterpret_cast<const std::uint8_t*>(dead->data()) : nullptr;
  std::size_t left = old + added;
  for (std::size_t i = 0; flags && i < old; ++i) left -= flags[i] != 0;
  auto all_values = new_array<Value>({left});
  auto all_rows = new_array<std::uint32_t>({left});
  {
    const MaybeReleaseGil released(left > kLongRows);
    merge_pairs<Value>({values.data(), rows.data(), old}, flags,
                       {new_values.data(), new_rows.data(), added}, all_values.data(),
                       all_rows.data());
  }
  return {nb::cast(all_values), nb::cast(all_rows)};
}

}  // namespace

void bind_payload(nb::module_& module) {
  module.def("roaring_of_rows", &roaring_of_rows, nb::arg("rows"),
             "Return the Roaring bitmap (portable form) of rows in any order, uint32 [n].");
  module.def("count_codes", &count_codes, nb::arg("codes"), nb::arg("rows"), nb::arg("counts"),
             "Add to counts, uint32 [k], one for each row at codes[row], uint32 [n].\n\n"
             "Rows beyond the codes are passed over; ValueError for a code beyond the counts.");
  const char* const merging =
      "Return two lists of pairs (value, row) in one: values [n + m], rows uint32 [n + m].\n\n"
      "Both ascend by value, then row, and so does the result; dead: bool [n], pairs of the first\n"
      "to leave out, or None. Values are int64 or float64 without NaN.";
  module.def("merge_pairs", &merge_pairs_of<std::int64_t>, nb::arg("values"), nb::arg("rows"),
             nb::arg("dead").none(), nb::arg("new_values"), nb::arg("new_rows"), merging);
  module.def("merge_pairs", &merge_pairs_of<double>, nb::arg("values"), nb::arg("rows"),
             nb::arg("dead").none(), nb::arg("new_values"), nb::arg("new_rows"), merging);
  module.def("set_codes", &set_codes, nb::arg("codes"), nb::arg("rows"), nb::arg("code"),
             "Set codes[row], uint32 [n], to a code for each of the rows; ValueError beyond n.");
  module.def("geo_rows", &geo_rows, nb::arg("codes"), nb::arg("rows"), nb::arg("dead").none(),
             nb::arg("new_codes"), nb::arg("new_rows"), nb::arg("kind"), nb::arg("numbers"),
             nb::arg("rings"),
             "Return the rows certainly in a region, and those at its border: Roaring bitmaps.\n\n"
             "codes: Morton codes, int64 [n], ascending; rows: uint32 [n]; dead: bool [n] to pass\n"
             "over, or None; new_codes, new_rows: more of them, in no order. kind 0: a circle,\n"
             "numbers = longitude, latitude, metres; 1: a box, numbers = steps west, south, east,\n"
             "north, and whether it crosses the antimeridian; 2: a polygon, numbers = longitude\n"
             "and latitude of corners, rings: where each closed ring begins, uint32, and the end.");
}

}  // namespace ruvector
