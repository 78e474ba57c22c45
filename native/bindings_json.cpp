// Large JSON bodies: splitting and checking them. All of it runs without the GIL, and what it
// returns are arrays of positions, so that no number of points makes a long stretch with it.
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "arrays.hpp"
#include "json_check.hpp"
#include "json_floats.hpp"
#include "json_split.hpp"

namespace ruvector {
namespace {

// As in bindings_text.cpp: what is shorter takes less time than letting go of the GIL.
constexpr std::size_t kLargeBytes = 32 << 10;

using Places = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void check_range(const BufferView& text, std::size_t start, std::size_t stop) {
  if (start > stop || stop > text.size()) throw nb::value_error("the range lies outside the text");
}

// The texts at places [n, 2], start and end of each.
std::vector<std::string_view> texts_at(const BufferView& text, const Places& places) {
  if (places.shape(1) != 2) throw nb::value_error("places must be int64 [n, 2]");
  std::vector<std::string_view> texts;
  texts.reserve(places.shape(0));
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::size_t i = 0; i < places.shape(0); ++i) {
    const std::int64_t start = places.data()[2 * i];
    const std::int64_t stop = places.data()[2 * i + 1];
    if (start < 0 || start > stop || stop > size)
      throw nb::value_error("a place lies outside the text");
    texts.emplace_back(text.begin() + start, static_cast<std::size_t>(stop - start));
  }
  return texts;
}

// A numpy array of the values, moved out of a vector of structs of `T`s.
template <class T, class S>
nb::object rows_of(const std::vector<S>& values) {
  constexpr std::size_t kWidth = sizeof(S) / sizeof(T);
  auto out = new_array<T>({values.size(), kWidth});
  if (!values.empty()) std::memcpy(out.data(), values.data(), values.size() * sizeof(S));
  return nb::cast(out);
}

nb::object split_json_of(nb::handle text, std::size_t start, std::size_t stop,
                         std::size_t piece_bytes, std::size_t most) {
  const BufferView view(text);
  check_range(view, start, stop);
  std::vector<JsonPiece> pieces;
  std::string problem;
  {
    const MaybeReleaseGil released(stop - start > kLargeBytes);
    problem = split_json(view.begin(), start, stop, piece_bytes, most, pieces);
  }
  if (!problem.empty()) throw nb::value_error(problem.c_str());
  return rows_of<std::int64_t>(pieces);
}

nb::object split_points_of(nb::handle text, std::size_t start, std::size_t stop, std::size_t most) {
  const BufferView view(text);
  check_range(view, start, stop);
  std::vector<std::uint64_t> ids;
  std::vector<PointPlaces> places;
  std::string problem;
  {
    const MaybeReleaseGil released(stop - start > kLargeBytes);
    problem = split_points(view.begin(), start, stop, most, ids, places);
  }
  if (!problem.empty()) throw nb::value_error(problem.c_str());
  auto numbers = new_array<std::uint64_t>({ids.size()});
  if (!ids.empty()) std::memcpy(numbers.data(), ids.data(), ids.size() * sizeof(std::uint64_t));
  return nb::make_tuple(numbers, rows_of<std::int64_t>(places));
}

nb::object check_json_rows(nb::handle text, const Places& places) {
  const BufferView view(text);
  const auto texts = texts_at(view, places);
  auto depths = new_array<std::uint16_t>({texts.size()});
  std::string problem;
  {
    const MaybeReleaseGil released(view.size() > kLargeBytes);
    for (std::size_t i = 0; i < texts.size() && problem.empty(); ++i) {
      const Checked checked = check_json(texts[i].data(), texts[i].size());
      depths.data()[i] = static_cast<std::uint16_t>(checked.depth);
      if (checked.reason)
        problem = "row " + std::to_string(i) + ": " + checked.reason + " at position " +
                  std::to_string(checked.position);
    }
  }
  if (!problem.empty()) throw nb::value_error(problem.c_str());
  return nb::cast(depths);
}

nb::object parse_float_rows_of(nb::handle text, const Places& places, std::size_t dim) {
  const BufferView view(text);
  const auto texts = texts_at(view, places);
  std::string problem = find_short_row(texts, dim);
  if (!problem.empty()) throw nb::value_error(problem.c_str());
  auto out = new_array<float>({texts.size(), dim});
  {
    const MaybeReleaseGil released(view.size() > kLargeBytes);
    problem = parse_float_rows(texts, dim, out.data());
  }
  if (!problem.empty()) throw nb::value_error(problem.c_str());
  return nb::cast(out);
}

}  // namespace

void bind_json(nb::module_& module) {
  module.def("split_json", &split_json_of, nb::arg("text"), nb::arg("start"), nb::arg("stop"),
             nb::arg("piece_bytes"), nb::arg("most"),
             "Return where the members of the array or object in text[start:stop] stand.\n\n"
             "int64 [n, 3]: start and end of a run of members of at most `piece_bytes` together\n"
             "(a longer member stands alone; with 0 each does), and where the value of a single\n"
             "member begins, -1 for a run of several. Raises ValueError for other text and for\n"
             "more than `most` runs. Members are not looked into. Cost: about 0.1 ns a byte.");
  module.def("split_points", &split_points_of, nb::arg("text"), nb::arg("start"), nb::arg("stop"),
             nb::arg("most"),
             "Return ids uint64 [n] and places int64 [n, 6] of a JSON array of points.\n\n"
             "Places are start and end of the id (-1 where the id is the plain number given), of\n"
             "the vector and of the payload (-1 where there is none). Raises ValueError that\n"
             "names the point for unknown fields, a missing id, or more than `most` points.");
  module.def("check_json_rows", &check_json_rows, nb::arg("text"),
             nb::arg("places").noconvert(),
             "Check JSON values at places int64 [n, 2] of a text; return depths uint16 [n].\n\n"
             "Raises ValueError that names the row for what a strict decoder would refuse.");
  module.def("parse_float_rows", &parse_float_rows_of, nb::arg("text"),
             nb::arg("places").noconvert(), nb::arg("dim"),
             "Return one row per JSON array at places int64 [n, 2] of a text: float32 [n, dim].\n\n"
             "Raises ValueError that names the row and, for a wrong length, both lengths.");
}

}  // namespace ruvector
