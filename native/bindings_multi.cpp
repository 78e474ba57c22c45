// MaxSim over rows of several vectors.
#include <utility>

#include "arrays.hpp"
#include "deadline.hpp"
#include "maxsim.hpp"

namespace ruvector {
namespace {

using Longs1 = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr std::size_t kLongScanProducts = 256 << 10;  // about 20 us

MultiRows multi_rows_of(const Floats2& query, const Vectors& vectors, const Longs1& offsets) {
  MultiRows rows;
  rows.element = element_of(vectors);
  rows.dim = vectors.shape(1);
  if (query.shape(0) == 0 || rows.dim == 0 || query.shape(1) != rows.dim)
    throw nb::value_error("query and vectors must have the same number of dimensions, at least 1");
  if (offsets.shape(0) == 0) throw nb::value_error("offsets must hold one number at least");
  rows.rows = offsets.shape(0) - 1;
  rows.offsets = offsets.data();
  rows.vectors = vectors.data();
  if (rows.rows >= 0xFFFFFFFF) throw nb::value_error("at most 4294967294 rows can be searched");
  if (rows.offsets[0] != 0 || rows.offsets[rows.rows] != vectors.shape(0))
    throw nb::value_error("the offsets do not span the vectors");
  for (std::size_t row = 0; row < rows.rows; ++row)
    if (rows.offsets[row] > rows.offsets[row + 1])
      throw nb::value_error("the offsets do not ascend");
  return rows;
}

std::pair<nb::object, nb::object> multi_scan_of(Floats2 query, Vectors vectors, Longs1 offsets,
                                                int metric_number, std::size_t k,
                                                std::optional<Bytes1> allowed) {
  const Metric metric = metric_from(metric_number);
  const MultiRows rows = multi_rows_of(query, vectors, offsets);
  const std::uint8_t* mask = nullptr;
  if (allowed) {
    if (allowed->shape(0) < (rows.rows + 7) / 8)
      throw nb::value_error("the mask is shorter than the rows");
    mask = allowed->data();
  }
  TopK best(std::min(k, rows.rows));
  {
    const MaybeReleaseGil released(query.shape(0) * vectors.shape(0) * rows.dim >
                                   kLongScanProducts);
    scan_multi(MaxSim(query.data(), query.shape(0), rows, metric), rows, mask, best);
  }
  const auto& ranks = best.sorted();
  auto found = new_array<std::uint32_t>({ranks.size()});
  auto scores = new_array<float>({ranks.size()});
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    found.data()[i] = static_cast<std::uint32_t>(ranks[i]);
    scores.data()[i] = score_of(ranks[i], higher_is_better(metric));
  }
  return {nb::cast(found), nb::cast(scores)};
}

nb::object multi_scores_of(Floats2 query, Vectors vectors, Longs1 offsets, Rows1 chosen,
                           int metric_number) {
  const Metric metric = metric_from(metric_number);
  const MultiRows rows = multi_rows_of(query, vectors, offsets);
  for (std::size_t i = 0; i < chosen.shape(0); ++i) {
    const std::uint32_t row = chosen.data()[i];
    if (row >= rows.rows) throw nb::value_error("a row lies beyond the offsets");
    if (rows.offsets[row] == rows.offsets[row + 1]) throw nb::value_error("a row has no vectors");
  }
  auto scores = new_array<float>({chosen.shape(0)});
  {
    const MaybeReleaseGil released(chosen.shape(0) * query.shape(0) * rows.dim > 4096);
    const MaxSim maxsim(query.data(), query.shape(0), rows, metric);
    std::vector<float> scratch(maxsim.scratch_floats());
    Pulse pulse;
    for (std::size_t i = 0; i < chosen.shape(0); ++i, pulse.beat())
      scores.data()[i] = maxsim.score(chosen.data()[i], scratch.data());
  }
  return nb::cast(scores);
}

}  // namespace

void bind_multi(nb::module_& module) {
  module.def("multi_scan", &multi_scan_of, nb::arg("query").noconvert(),
             nb::arg("vectors").noconvert(), nb::arg("offsets").noconvert(), nb::arg("metric"),
             nb::arg("k"), nb::arg("allowed").noconvert().none() = nb::none(),
             "Return the best rows by MaxSim and their scores, best first.\n\n"
             "query float32 [m, dim]; row r has the vectors offsets[r] to offsets[r + 1] (uint64\n"
             "[n + 1]) of float32, float16 or uint8 [t, dim]. Rows without vectors are not found;\n"
             "equal scores: the lower row. Raises ValueError for other dimensions or offsets.\n"
             "Cost: m x t x dim.");
  module.def("multi_scores", &multi_scores_of, nb::arg("query").noconvert(),
             nb::arg("vectors").noconvert(), nb::arg("offsets").noconvert(),
             nb::arg("rows").noconvert(), nb::arg("metric"),
             "Return the MaxSim scores float32 [r] of given rows uint32 [r], which have vectors.");
}

}  // namespace ruvector
