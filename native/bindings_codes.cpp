// Quantizers, and the graph over their codes. Arrays that a graph views are kept alive by the
// Python object around it.
#include <optional>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "bit_quantizer.hpp"
#include "coded_graph.hpp"
#include "exact.hpp"
#include "product_quantizer.hpp"
#include "residency.hpp"
#include "scalar_quantizer.hpp"
#include "threads.hpp"

namespace ruvector {
namespace {

using Floats3 = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Hits = std::pair<nb::object, nb::object>;

constexpr std::size_t kGrain = 64;  // rows encoded by one thread at a time

std::size_t checked_dim(std::size_t dim) {
  if (dim < 1 || dim > 65536) throw nb::value_error("dimensions must be between 1 and 65536");
  return dim;
}

nb::object encode(const Quantizer& quantizer, Vectors vectors, int threads) {
  const Element element = element_of(vectors);
  const std::size_t dim = quantizer.dim();
  if (vectors.shape(1) != dim)
    throw nb::value_error("vectors do not have the quantizer's dimensions");
  const std::size_t rows = vectors.shape(0);
  const std::size_t bytes = quantizer.row_bytes();
  auto out = new_array<std::uint8_t>({rows, bytes});
  auto* codes = reinterpret_cast<std::byte*>(out.data());
  {
    const nb::gil_scoped_release released;
    const auto* base = static_cast<const std::byte*>(vectors.data());
    const std::size_t stride = dim * element_bytes(element);
    parallel_for((rows + kGrain - 1) / kGrain, threads, 1, [&](std::size_t part) {
      std::vector<float> vector(dim);
      std::vector<std::byte> scratch(quantizer.scratch_bytes());
      for (std::size_t row = part * kGrain; row < std::min(rows, (part + 1) * kGrain); ++row) {
        row_to_float(base + row * stride, element, dim, false, vector.data());
        quantizer.encode(vector.data(), scratch.data(), codes + row * bytes);
      }
    });
  }
  return nb::cast(out);
}

void check_codes(const Quantizer& quantizer, const Bytes2& codes) {
  if (codes.shape(1) != quantizer.row_bytes())
    throw nb::value_error("codes do not have the quantizer's length");
}

nb::object distances(const Quantizer& quantizer, Floats1 query, Bytes2 codes) {
  check_codes(quantizer, codes);
  if (query.shape(0) != quantizer.dim())
    throw nb::value_error("the query does not have the quantizer's dimensions");
  const std::size_t rows = codes.shape(0);
  auto out = new_array<float>({rows});
  std::vector<std::byte> buffer(quantizer.query_bytes());
  const QuantizedQuery prepared = quantizer.prepare(query.data(), buffer.data());
  const auto* base = reinterpret_cast<const std::byte*>(codes.data());
  for (std::size_t row = 0; row < rows; ++row)
    out.data()[row] = quantizer.distance(prepared, base + row * quantizer.row_bytes());
  return nb::cast(out);
}

// Altered files must not lead a walk out of the arrays.
void check_rows(const std::uint32_t* numbers, std::size_t count, std::size_t rows,
                bool may_be_empty) {
  for (std::size_t i = 0; i < count; ++i)
    if (numbers[i] >= rows && !(may_be_empty && numbers[i] == kNoRow))
      throw std::invalid_argument("a link or an entry points beyond the rows");
}

void make_graph(CodedGraph* self, const Quantizer& quantizer, Vectors vectors, Bytes2 codes,
                std::optional<Rows2> links, std::optional<Rows1> entries, bool vectors_are_cold,
                std::optional<Bytes2> beside) {
  CodedArrays arrays;
  arrays.rows = codes.shape(0);
  check_codes(quantizer, codes);
  if (arrays.rows > kMaxRows || vectors.shape(0) != arrays.rows ||
      vectors.shape(1) != quantizer.dim())
    throw nb::value_error("codes do not fit the vectors");
  arrays.codes = reinterpret_cast<const std::byte*>(codes.data());
  arrays.vectors = static_cast<const std::byte*>(vectors.data());
  arrays.element = element_of(vectors);
  arrays.vectors_are_cold = vectors_are_cold;
  if (links.has_value() != entries.has_value())
    throw nb::value_error("links and entries belong together");
  if (links) {
    if (links->shape(0) != arrays.rows || links->shape(1) < 1 || links->shape(1) > 256)
      throw nb::value_error("links do not fit the codes");
    if (entries->shape(0) > Graph::kMaxEntries || (arrays.rows > 0 && entries->shape(0) == 0))
      throw nb::value_error("the number of entry rows is out of range");
    arrays.links = links->data();
    arrays.links_per_node = links->shape(1);
    arrays.entries = entries->data();
    arrays.entry_count = entries->shape(0);
    const nb::gil_scoped_release released;
    check_rows(arrays.links, arrays.rows * arrays.links_per_node, arrays.rows, true);
    check_rows(arrays.entries, arrays.entry_count, arrays.rows, false);
  }
  if (beside && !links) throw nb::value_error("copies beside the rows belong to links");
  if (beside) arrays.beside = reinterpret_cast<const std::byte*>(beside->data());
  new (self) CodedGraph(quantizer, arrays);
  if (beside && (beside->shape(0) != arrays.rows || beside->shape(1) != self->beside_bytes())) {
    self->~CodedGraph();
    throw nb::value_error("copies beside the rows do not fit the links and vectors");
  }
}

nb::object copies(const CodedGraph& graph, int threads) {
  if (!graph.arrays().links) throw nb::value_error("there are no links to lie beside");
  auto out = new_array<std::uint8_t>({graph.arrays().rows, graph.beside_bytes()});
  {
    const nb::gil_scoped_release released;
    graph.write_copies(reinterpret_cast<std::byte*>(out.data()), threads);
  }
  return nb::cast(out);
}

Hits search(const CodedGraph& graph, Floats2 queries, std::size_t k, std::size_t beam,
            std::size_t candidates, bool ignores_codes, bool exact, std::optional<Bytes1> allowed,
            std::int64_t allowed_count, int threads) {
  if (queries.shape(1) != graph.quantizer().dim())
    throw nb::value_error("queries do not have the graph's dimensions");
  CodedSearch options;
  options.k = k;
  options.beam = beam;
  options.candidates = candidates;
  options.ignores_codes = ignores_codes;
  options.exact = exact;
  const std::size_t rows = graph.arrays().rows;
  std::size_t matches = rows;
  if (allowed) {
    if (allowed->shape(0) * 8 < rows) throw nb::value_error("the mask does not cover the rows");
    options.allowed = allowed->data();
    matches = allowed_count >= 0 ? std::min(rows, static_cast<std::size_t>(allowed_count))
                                 : mask_count(allowed->data(), rows);
    options.allowed_count = matches;
  }
  const std::size_t columns = std::min(k, matches);
  auto out_rows = new_array<std::uint32_t>({queries.shape(0), columns});
  auto out_scores = new_array<float>({queries.shape(0), columns});
  if (columns > 0) {
    const nb::gil_scoped_release released;
    graph.search(queries.data(), queries.shape(0), options, columns, threads, out_rows.data(),
                 out_scores.data());
  }
  return {nb::cast(out_rows), nb::cast(out_scores)};
}

nb::object train_parts(Floats2 points, std::size_t width, int rounds, int threads) {
  if (width < 1 || width > 16) throw nb::value_error("the width of a part must be from 1 to 16");
  const std::size_t rows = points.shape(0);
  const std::size_t dim = points.shape(1);
  const std::size_t parts = (dim + width - 1) / width;
  auto out = new_array<float>({parts, ProductQuantizer::kCentres, width});
  {
    const nb::gil_scoped_release released;
    parallel_for(parts, threads, 1, [&](std::size_t part) {
      const std::size_t first = part * width;
      const std::size_t last = std::min(dim, first + width);
      std::vector<float> own(rows * width, 0.0F);
      for (std::size_t row = 0; row < rows; ++row)
        std::copy(points.data() + row * dim + first, points.data() + row * dim + last,
                  own.data() + row * width);
      train_part(own.data(), rows, width, rounds,
                 out.data() + part * ProductQuantizer::kCentres * width);
    });
  }
  return nb::cast(out);
}

// Any contiguous array, as bytes.
using AnyArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

nb::object pinned_copy(AnyArray array) {
  const std::size_t bytes = array.nbytes();
  void* memory = nullptr;
  {
    const nb::gil_scoped_release released;
    memory = pin_copy(array.data(), bytes);
  }
  nb::capsule owner(memory, [](void* p) noexcept { free_pinned(p); });
  return nb::cast(nb::ndarray<nb::numpy, const std::uint8_t, nb::ndim<1>>(memory, {bytes}, owner));
}

}  // namespace

void bind_codes(nb::module_& module) {
  nb::class_<Quantizer>(module, "Quantizer")
      .def_prop_ro("dim", &Quantizer::dim)
      .def_prop_ro("row_bytes", &Quantizer::row_bytes)
      .def("encode", &encode, nb::arg("vectors").noconvert(), nb::arg("threads"))
      .def("distances", &distances, nb::arg("query").noconvert(), nb::arg("codes").noconvert())
      .def("score", &Quantizer::score, nb::arg("distance"));
  nb::class_<BitQuantizer, Quantizer>(module, "BitQuantizer")
      .def(
          "__init__",
          [](BitQuantizer* self, std::size_t dim, int metric, int width, int query_width,
             Floats2 centres) {
            if (width < 0 || width >= kBitWidths || query_width < 0 || query_width > 2)
              throw nb::value_error("the width of rows or queries is unknown");
            if (centres.shape(1) != dim || centres.shape(0) < 1 ||
                centres.shape(0) > BitQuantizer::kMaxCentres)
              throw nb::value_error("there must be 1 to 256 centres of the rows' dimensions");
            new (self) BitQuantizer(metric_from(metric), checked_dim(dim),
                                    static_cast<BitWidth>(width),
                                    static_cast<QueryWidth>(query_width), centres.data(),
                                    centres.shape(0));
          },
          nb::arg("dim"), nb::arg("metric"), nb::arg("width"), nb::arg("query_width"),
          nb::arg("centres").noconvert())
      .def(
          "rotate",
          [](const BitQuantizer& quantizer, Floats1 vector) {
            if (vector.shape(0) != quantizer.dim())
              throw nb::value_error("the vector does not have the quantizer's dimensions");
            std::vector<float> padded(quantizer.rotated_dim());
            auto out = new_array<float>({quantizer.rotated_dim()});
            quantizer.rotate(vector.data(), padded.data(), out.data());
            return nb::cast(out);
          },
          nb::arg("vector").noconvert());
  nb::class_<ScalarQuantizer, Quantizer>(module, "ScalarQuantizer")
      .def(
          "__init__",
          [](ScalarQuantizer* self, std::size_t dim, int metric, float offset, float step) {
            if (!(step > 0)) throw nb::value_error("the step must be above 0");
            new (self) ScalarQuantizer(metric_from(metric), checked_dim(dim), offset, step);
          },
          nb::arg("dim"), nb::arg("metric"), nb::arg("offset"), nb::arg("step"));
  nb::class_<ProductQuantizer, Quantizer>(module, "ProductQuantizer")
      .def(
          "__init__",
          [](ProductQuantizer* self, std::size_t dim, int metric, Floats3 centres) {
            const std::size_t width = centres.shape(2);
            if (width < 1 || width > 16 || centres.shape(1) != ProductQuantizer::kCentres ||
                centres.shape(0) != (checked_dim(dim) + width - 1) / width)
              throw nb::value_error("centres must be [parts, 256, 1 to 16]");
            new (self) ProductQuantizer(metric_from(metric), dim, width, centres.data());
          },
          nb::arg("dim"), nb::arg("metric"), nb::arg("centres").noconvert());
  module.def("train_parts", &train_parts, nb::arg("points").noconvert(), nb::arg("width"),
             nb::arg("rounds"), nb::arg("threads"));
  nb::class_<CodedGraph>(module, "CodedGraph")
      .def("__init__", &make_graph, nb::keep_alive<1, 2>(), nb::arg("quantizer"),
           nb::arg("vectors").noconvert(), nb::arg("codes").noconvert(),
           nb::arg("links").noconvert().none(), nb::arg("entries").noconvert().none(),
           nb::arg("vectors_are_cold"), nb::arg("beside").noconvert().none() = nb::none())
      .def("copies", &copies, nb::arg("threads"))
      .def("search", &search, nb::arg("queries").noconvert(), nb::arg("k"), nb::arg("beam"),
           nb::arg("candidates"), nb::arg("ignores_codes"), nb::arg("exact"),
           nb::arg("allowed").noconvert().none(), nb::arg("allowed_count"), nb::arg("threads"))
      .def_prop_ro("scratch_bytes", &CodedGraph::scratch_bytes);
  module.def("pinned_copy", &pinned_copy, nb::arg("array").noconvert());
  module.def(
      "advise",
      [](AnyArray array, int access) {
        if (access < 0 || access > 2) throw nb::value_error("access must be 0, 1 or 2");
        advise(array.data(), array.nbytes(), static_cast<Access>(access));
      },
      nb::arg("array").noconvert(), nb::arg("access"));
  module.def(
      "resident_bytes",
      [](AnyArray array) { return resident_bytes(array.data(), array.nbytes()); },
      nb::arg("array").noconvert());
}

}  // namespace ruvector
