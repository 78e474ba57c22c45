// Checksums and JSON.
#include <string>
#include <string_view>

#include <nanobind/stl/string_view.h>

#include "arrays.hpp"
#include "crc32c.hpp"
#include "json_floats.hpp"
#include "json_scan.hpp"
#include "lift.hpp"

namespace ruvector {
namespace {

// Releasing and taking the GIL costs a fraction of a microsecond; 32 KiB take 2 or more.
constexpr std::size_t kLargeBytes = 32 << 10;

nb::object parse_floats_of(nb::handle text) {
  const BufferView view(text);
  const std::size_t most = most_floats(view.begin(), view.size());
  auto out = new_array<float>({most});
  std::size_t count = 0;
  ParseFailure failure;
  {
    const MaybeReleaseGil released(view.size() > kLargeBytes);
    failure = parse_floats(view.begin(), view.size(), out.data(), most, count);
  }
  if (failure.reason) throw nb::value_error(place_of(failure).c_str());
  return nb::cast(count == most ? out : new_array<float>({0}));
}

nb::object lift_floats(nb::handle text, std::string_view name) {
  const BufferView view(text);
  const NamedArray place = find_array({view.begin(), view.size()}, name);
  if (place.stop == 0) return nb::none();
  const char* const begin = view.begin() + place.start;
  const std::size_t size = place.stop - place.start;
  const std::size_t most = most_floats(begin, size);
  auto out = new_array<float>({most});
  std::size_t count = 0;
  ParseFailure failure;
  {
    const MaybeReleaseGil released(size > kLargeBytes);
    failure = parse_floats(begin, size, out.data(), most, count);
  }
  if (failure.reason || count != most) return nb::none();
  return nb::make_tuple(out, place.start, place.stop);
}

nb::bytes to_bytes(const std::string& text) { return nb::bytes(text.data(), text.size()); }

nb::list format_float_rows(Floats2 values) {
  nb::list out;
  for (std::size_t row = 0; row < values.shape(0); ++row)
    out.append(to_bytes(format_floats(values.data() + row * values.shape(1), values.shape(1))));
  return out;
}

nb::list shortest_floats(Floats1 values) {
  nb::list out;
  for (std::size_t i = 0; i < values.shape(0); ++i) out.append(shortest_double(values.data()[i]));
  return out;
}

void scan_json_of(nb::handle body, std::size_t max_depth, std::size_t max_containers) {
  const BufferView view(body);
  ScanResult result;
  {
    const MaybeReleaseGil released(view.size() > kLargeBytes);
    result = scan_json(view.begin(), view.size(), max_depth, max_containers);
  }
  const std::string place = " at position " + std::to_string(result.position);
  switch (result.problem) {
    case ScanProblem::None:
      return;
    case ScanProblem::TooDeep:
      throw nb::value_error(
          ("JSON is nested deeper than the limit of " + std::to_string(max_depth) + place).c_str());
    case ScanProblem::TooManyContainers:
      throw nb::value_error(("JSON has more arrays and objects than the limit of " +
                             std::to_string(max_containers) + place)
                                .c_str());
    case ScanProblem::OpenString:
      throw nb::value_error(("JSON string is not closed" + place).c_str());
    case ScanProblem::NotUtf8:
      throw nb::value_error(("the text is not valid UTF-8" + place).c_str());
    case ScanProblem::Unbalanced:
      throw nb::value_error(("JSON brackets do not match" + place).c_str());
  }
}

template <auto kFunction>
std::uint32_t checksum(nb::handle buffer, std::uint32_t seed) {
  const BufferView view(buffer);
  const MaybeReleaseGil released(view.size() > kLargeBytes);
  return kFunction(view.begin(), view.size(), seed);
}

}  // namespace

void bind_text(nb::module_& module) {
  module.def("crc32c", &checksum<crc32c>, nb::arg("buffer"), nb::arg("seed") = 0,
             "Return the CRC-32C of a buffer; crc32c(b, crc32c(a)) == crc32c(a + b).\n\n"
             "Cost: about 0.05 ns per byte with SSE4.2.");
  module.def("crc32c_table", &checksum<crc32c_table>, nb::arg("buffer"), nb::arg("seed") = 0);
  module.def("parse_floats", &parse_floats_of, nb::arg("text"),
             "Return the numbers of a flat JSON array as float32 [n], each the nearest to its "
             "decimal.\n\n"
             "Strict RFC 8259. Raises ValueError with the position for anything else: nested\n"
             "arrays, null, strings, NaN, trailing characters, and numbers too large for float32.\n"
             "Cost: 10 to 15 ns per number of 8 to 18 digits.");
  module.def("lift_floats", &lift_floats, nb::arg("text"), nb::arg("name"),
             "Return (float32 [n], start, stop) of the flat array behind the only key `name`.\n\n"
             "None where the name stands elsewhere too, or something else than numbers follows.");
  module.def(
      "format_floats",
      [](Floats1 values) { return to_bytes(format_floats(values.data(), values.shape(0))); },
      nb::arg("values").noconvert(),
      "Return float32 [n] as a JSON array of the shortest decimals that read back the same.\n\n"
      "Whole numbers keep their point (1.0); NaN and infinities become null.");
  module.def("format_float_rows", &format_float_rows, nb::arg("values").noconvert(),
             "Return each row of float32 [n, dim] as format_floats does.");
  module.def("shortest_floats", &shortest_floats, nb::arg("values").noconvert(),
             "Return Python floats whose repr is the shortest decimal of each float32 [n].");
  module.def("scan_json", &scan_json_of, nb::arg("body"), nb::arg("max_depth"),
             nb::arg("max_containers"),
             "Check in one linear pass that a JSON body is nested and filled within bounds.\n\n"
             "Raises ValueError when arrays and objects are nested deeper than max_depth, when\n"
             "there are more than max_containers of them, when a string or bracket is not closed,\n"
             "or when the text is not UTF-8. It does not check the rest of the grammar.");
}

}  // namespace ruvector
