// Exact search, scores of given rows, masks.
#include <algorithm>
#include <optional>
#include <utility>

#include "arrays.hpp"
#include "exact.hpp"

namespace ruvector {
namespace {

constexpr std::size_t kLongScanBytes = 256 << 10;  // about 20 us

std::pair<nb::object, nb::object> exact_search_of(Floats2 queries, Vectors vectors,
                                                  int metric_number, std::size_t k,
                                                  std::optional<Bytes1> allowed, int threads) {
  const Metric metric = metric_from(metric_number);
  const Element element = element_of(vectors);
  const std::size_t rows = vectors.shape(0);
  const std::size_t dim = vectors.shape(1);
  if (queries.shape(1) != dim || dim == 0)
    throw nb::value_error(
        "queries and vectors must have the same number of dimensions, at least 1");
  if (rows >= 0xFFFFFFFF) throw nb::value_error("at most 4294967294 rows can be searched");
  const std::uint8_t* mask = nullptr;
  std::size_t matches = rows;
  if (allowed) {
    if (allowed->shape(0) < (rows + 7) / 8)
      throw nb::value_error("the mask is shorter than the rows");
    mask = allowed->data();
    matches = mask_count(mask, rows);
  }
  const std::size_t columns = std::min(k, matches);
  auto out_rows = new_array<std::uint32_t>({queries.shape(0), columns});
  auto out_scores = new_array<float>({queries.shape(0), columns});
  {
    const MaybeReleaseGil released(queries.shape(0) * rows * dim * element_bytes(element) >
                                   kLongScanBytes);
    exact_search(queries.data(), queries.shape(0), vectors.data(), rows, dim, element, metric,
                 columns, mask, threads, out_rows.data(), out_scores.data());
  }
  return {nb::cast(out_rows), nb::cast(out_scores)};
}

nb::object score_rows_of(Floats1 query, Vectors vectors, Rows1 rows, int metric_number) {
  const Metric metric = metric_from(metric_number);
  const Element element = element_of(vectors);
  if (query.shape(0) != vectors.shape(1))
    throw nb::value_error("query and vectors must have the same number of dimensions");
  const std::size_t count = rows.shape(0);
  for (std::size_t i = 0; i < count; ++i)
    if (rows.data()[i] >= vectors.shape(0)) throw nb::value_error("a row lies beyond the vectors");
  auto out = new_array<float>({count});
  {
    const MaybeReleaseGil released(count * vectors.shape(1) > kLongScanBytes);
    score_rows(query.data(), vectors.data(), vectors.shape(1), element, metric, rows.data(), count,
               out.data());
  }
  return nb::cast(out);
}

nb::object mask_from_rows(Rows1 rows, std::size_t count) {
  const std::size_t bytes = (count + 7) / 8;
  auto out = new_array<std::uint8_t>({bytes});
  std::uint8_t* mask = out.data();
  std::fill_n(mask, bytes, std::uint8_t{0});
  for (std::size_t i = 0; i < rows.shape(0); ++i) {
    const std::uint32_t row = rows.data()[i];
    if (row >= count) throw nb::value_error("a row lies beyond the mask");
    mask[row >> 3] = static_cast<std::uint8_t>(mask[row >> 3] | (1U << (row & 7)));
  }
  return nb::cast(out);
}

// In double, where no square of a float32 overflows; eight sums, so that additions do not wait.
double squared_length(Floats1 values) {
  constexpr std::size_t kSums = 8;
  double sums[kSums] = {};
  const float* const data = values.data();
  const std::size_t size = values.shape(0);
  std::size_t i = 0;
  for (; i + kSums <= size; i += kSums)
    for (std::size_t k = 0; k < kSums; ++k) {
      const auto value = static_cast<double>(data[i + k]);
      sums[k] += value * value;
    }
  for (; i < size; ++i) sums[0] += static_cast<double>(data[i]) * static_cast<double>(data[i]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

std::size_t mask_count_of(Bytes1 mask, std::size_t count) {
  if (mask.shape(0) < (count + 7) / 8) throw nb::value_error("the mask is shorter than the rows");
  return mask_count(mask.data(), count);
}

}  // namespace

void bind_exact(nb::module_& module) {
  module.def("exact_search", &exact_search_of, nb::arg("queries").noconvert(),
             nb::arg("vectors").noconvert(), nb::arg("metric"), nb::arg("k"),
             nb::arg("allowed").noconvert().none() = nb::none(), nb::arg("threads") = 1,
             "Return the best rows by looking at every one: rows [q, m] and scores [q, m], best "
             "first.\n\n"
             "queries float32 [q, dim]; vectors float32, float16 or uint8 [n, dim]; allowed a\n"
             "packed mask in little bit order over the n rows, or None; m = min(k, allowed rows).\n"
             "Equal scores are ordered by the lower row; scores that are not numbers come last.\n"
             "threads share the queries; 0 takes every core.\n"
             "Raises ValueError for different dimensions or a short mask.\n"
             "Cost: n x dim per query.");
  module.def("score_rows", &score_rows_of, nb::arg("query").noconvert(),
             nb::arg("vectors").noconvert(), nb::arg("rows").noconvert(), nb::arg("metric"),
             "Return the scores float32 [m] of given rows uint32 [m] for one query float32 "
             "[dim].\n\n"
             "Raises ValueError for different dimensions or a row beyond the vectors.");
  module.def("squared_length", &squared_length, nb::arg("values").noconvert(),
             "Return the sum of the squares of float32 [n], in double: finite if all of them are.");
  module.def("mask_from_rows", &mask_from_rows, nb::arg("rows").noconvert(), nb::arg("n"),
             "Return the packed mask over n rows in which the given rows uint32 [m] are set.\n\n"
             "Raises ValueError for a row of n or more.");
  module.def("mask_count", &mask_count_of, nb::arg("mask").noconvert(), nb::arg("n"),
             "Return how many of the first n rows are set in a packed mask.");
}

}  // namespace ruvector
