// Sparse vectors: their rows, their inverted index, searches over both.
#include <memory>
#include <utility>

#include "arrays.hpp"
#include "sparse_index.hpp"

namespace ruvector {
namespace {

using Longs1 = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values1 = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr std::size_t kLongScanEntries = 16 << 10;  // about 20 us

SparseRows sparse_rows_of(const Longs1& offsets, const Rows1& terms, const Values1& values) {
  SparseRows rows;
  if (values.dtype() == nb::dtype<float>())
    rows.element = Element::Float32;
  else if (values.dtype().code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) &&
           values.dtype().bits == 16)
    rows.element = Element::Float16;
  else
    throw nb::type_error("values must be float32 or float16");
  if (offsets.shape(0) == 0) throw nb::value_error("offsets must hold one number at least");
  if (terms.shape(0) != values.shape(0))
    throw nb::value_error("terms and values must have the same length");
  rows.offsets = offsets.data();
  rows.terms = terms.data();
  rows.values = values.data();
  rows.rows = offsets.shape(0) - 1;
  if (rows.rows >= 0xFFFFFFFF) throw nb::value_error("at most 4294967294 rows can be searched");
  check_sparse_rows(rows, terms.shape(0));
  return rows;
}

void check_query(const Rows1& terms, std::size_t weights) {
  if (terms.shape(0) != weights)
    throw nb::value_error("the query's terms and weights must have the same length");
  for (std::size_t i = 1; i < terms.shape(0); ++i)
    if (terms.data()[i] <= terms.data()[i - 1])
      throw nb::value_error("the query's terms must ascend");
}

const std::uint8_t* mask_of(const std::optional<Bytes1>& allowed, std::size_t rows) {
  if (!allowed) return nullptr;
  if (allowed->shape(0) < (rows + 7) / 8)
    throw nb::value_error("the mask is shorter than the rows");
  return allowed->data();
}

std::pair<nb::object, nb::object> found_of(TopK& best) {
  const auto& ranks = best.sorted();
  auto rows = new_array<std::uint32_t>({ranks.size()});
  auto scores = new_array<float>({ranks.size()});
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    rows.data()[i] = static_cast<std::uint32_t>(ranks[i]);
    scores.data()[i] = score_of(ranks[i], true);
  }
  return {nb::cast(rows), nb::cast(scores)};
}

std::pair<nb::object, nb::object> sparse_scan_of(Longs1 offsets, Rows1 entry_terms, Values1 values,
                                                 Rows1 terms, Floats1 weights, std::size_t k,
                                                 std::optional<Bytes1> allowed) {
  const SparseRows rows = sparse_rows_of(offsets, entry_terms, values);
  check_query(terms, weights.shape(0));
  const std::uint8_t* mask = mask_of(allowed, rows.rows);
  TopK best(std::min(k, rows.rows));
  {
    const MaybeReleaseGil released(entry_terms.shape(0) > kLongScanEntries);
    scan_sparse(rows, SparseQuery(terms.data(), weights.data(), terms.shape(0)), mask, best);
  }
  return found_of(best);
}

nb::object sparse_counts_of(Longs1 offsets, Rows1 entry_terms, Values1 values, Rows1 terms,
                            std::optional<Bytes1> allowed) {
  const SparseRows rows = sparse_rows_of(offsets, entry_terms, values);
  check_query(terms, terms.shape(0));
  const std::uint8_t* mask = mask_of(allowed, rows.rows);
  auto counts = new_array<std::uint64_t>({terms.shape(0)});
  std::fill_n(counts.data(), terms.shape(0), std::uint64_t{0});
  {
    const MaybeReleaseGil released(entry_terms.shape(0) > kLongScanEntries);
    count_sparse(rows, SparseQuery(terms.data(), nullptr, terms.shape(0)), mask, counts.data());
  }
  return nb::cast(counts);
}

template <class T>
nb::object array_of(std::vector<T>&& values, std::initializer_list<std::size_t> shape) {
  auto* owner = new std::vector<T>(std::move(values));
  nb::capsule capsule(owner, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, T>(owner->data(), shape, capsule));
}

nb::dict build_of(Longs1 offsets, Rows1 entry_terms, Values1 values) {
  const SparseRows rows = sparse_rows_of(offsets, entry_terms, values);
  SparsePostings built;
  {
    const nb::gil_scoped_release released;
    built = build_sparse(rows);
  }
  const std::size_t lists = built.terms.size();
  nb::dict arrays;
  const std::size_t blocks = built.blocks.size(), bytes = built.postings.size();
  arrays["blocks"] = array_of(std::move(built.blocks), {blocks});
  arrays["terms"] = array_of(std::move(built.terms), {lists});
  arrays["counts"] = array_of(std::move(built.counts), {lists});
  arrays["limits"] = array_of(std::move(built.limits), {lists, 2});
  arrays["dense"] = array_of(std::move(built.dense), {lists});
  arrays["starts"] = array_of(std::move(built.starts), {lists + 1});
  arrays["postings"] = array_of(std::move(built.postings), {bytes});
  return arrays;
}

// Keeps the arrays alive that the index looks at.
class SparseIndexOf {
 public:
  SparseIndexOf(Longs1 offsets, Rows1 entry_terms, Values1 values, Longs1 blocks, Rows1 terms,
                Rows1 counts, Floats2 limits, Bytes1 dense, Longs1 starts, Bytes1 postings)
      : offsets_(offsets), entry_terms_(entry_terms), values_(values), blocks_(blocks),
        terms_(terms), counts_(counts), limits_(limits), dense_(dense), starts_(starts),
        postings_(postings) {
    const std::size_t lists = terms.shape(0);
    if (blocks.shape(0) == 0 || starts.shape(0) != lists + 1 || counts.shape(0) != lists ||
        limits.shape(0) != lists || limits.shape(1) != 2 || dense.shape(0) != lists)
      throw nb::value_error("the arrays of the sparse index do not belong together");
    SparseIndexView view;
    view.blocks = blocks.data();
    view.block_count = blocks.shape(0) - 1;
    view.terms = terms.data();
    view.counts = counts.data();
    view.limits = limits.data();
    view.dense = dense.data();
    view.starts = starts.data();
    view.lists = lists;
    view.postings = postings.data();
    view.bytes = postings.shape(0);
    const SparseRows rows = sparse_rows_of(offsets, entry_terms, values);
    const nb::gil_scoped_release released;
    index_ = std::make_unique<SparseIndex>(view, rows);
  }

  std::pair<nb::object, nb::object> search(Rows1 terms, Floats1 weights, std::size_t k,
                                           std::optional<Bytes1> allowed,
                                           std::size_t allowed_count) const {
    check_query(terms, weights.shape(0));
    const std::uint8_t* mask = mask_of(allowed, index_->rows());
    TopK best(std::min(k, index_->rows()));
    {
      const nb::gil_scoped_release released;
      index_->search(terms.data(), weights.data(), terms.shape(0), std::min(k, index_->rows()),
                     mask, allowed_count, best);
    }
    return found_of(best);
  }

  nb::object counts(Rows1 terms, std::optional<Bytes1> allowed) const {
    check_query(terms, terms.shape(0));
    const std::uint8_t* mask = mask_of(allowed, index_->rows());
    auto counts = new_array<std::uint64_t>({terms.shape(0)});
    std::fill_n(counts.data(), terms.shape(0), std::uint64_t{0});
    {
      const MaybeReleaseGil released(mask != nullptr);
      index_->count(terms.data(), terms.shape(0), mask, counts.data());
    }
    return nb::cast(counts);
  }

 private:
  Longs1 offsets_;
  Rows1 entry_terms_;
  Values1 values_;
  Longs1 blocks_;
  Rows1 terms_, counts_;
  Floats2 limits_;
  Bytes1 dense_;
  Longs1 starts_;
  Bytes1 postings_;
  std::unique_ptr<SparseIndex> index_;
};

}  // namespace

void bind_sparse(nb::module_& module) {
  module.def("sparse_scan", &sparse_scan_of, nb::arg("offsets").noconvert(),
             nb::arg("entry_terms").noconvert(), nb::arg("values").noconvert(),
             nb::arg("terms").noconvert(), nb::arg("weights").noconvert(), nb::arg("k"),
             nb::arg("allowed").noconvert().none() = nb::none(),
             "Return the rows with the largest dot products over shared terms: rows and scores, "
             "best first.\n\n"
             "Row r has the entries offsets[r] to offsets[r + 1] (uint64 [n + 1]) of entry_terms\n"
             "uint32 and values float32 or float16. terms uint32 ascending and weights float32:\n"
             "the query. Only rows that share a term, k at most; equal scores: the lower row.\n"
             "Raises ValueError for offsets that do not span the entries. Cost: every entry.");
  module.def("sparse_counts", &sparse_counts_of, nb::arg("offsets").noconvert(),
             nb::arg("entry_terms").noconvert(), nb::arg("values").noconvert(),
             nb::arg("terms").noconvert(), nb::arg("allowed").noconvert().none() = nb::none(),
             "Return how many allowed rows have each of the ascending terms: uint64 [terms].");
  module.def("build_sparse", &build_of, nb::arg("offsets").noconvert(),
             nb::arg("entry_terms").noconvert(), nb::arg("values").noconvert(),
             "Return the arrays of an inverted index by name (docs/formats/sparse.md).\n\n"
             "Raises ValueError for rows whose terms do not ascend. Cost: 30 ns an entry.");
  nb::class_<SparseIndexOf>(module, "SparseIndex")
      .def(nb::init<Longs1, Rows1, Values1, Longs1, Rows1, Rows1, Floats2, Bytes1, Longs1,
                    Bytes1>(),
           nb::arg("offsets").noconvert(), nb::arg("entry_terms").noconvert(),
           nb::arg("values").noconvert(), nb::arg("blocks").noconvert(),
           nb::arg("terms").noconvert(), nb::arg("counts").noconvert(),
           nb::arg("limits").noconvert(), nb::arg("dense").noconvert(),
           nb::arg("starts").noconvert(), nb::arg("postings").noconvert(),
           "Check and keep the arrays of build_sparse over these rows; ValueError where they are "
           "others.")
      .def("search", &SparseIndexOf::search, nb::arg("terms").noconvert(),
           nb::arg("weights").noconvert(), nb::arg("k"),
           nb::arg("allowed").noconvert().none(), nb::arg("allowed_count"),
           "As sparse_scan, through the index.")
      .def("counts", &SparseIndexOf::counts, nb::arg("terms").noconvert(),
           nb::arg("allowed").noconvert().none() = nb::none(), "As sparse_counts.");
}

}  // namespace ruvector
