// The graph and its search. Arrays that a graph views are kept alive by the Python object around
// it.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "arrays.hpp"
#include "exact.hpp"
#include "search.hpp"

namespace ruvector {
namespace {

using Hits = std::pair<nb::object, nb::object>;

Layout layout_from(int value) {
  if (value < 0 || value > 2) throw nb::value_error("layout must be 0, 1 or 2");
  return static_cast<Layout>(value);
}

GraphOptions options_from(std::size_t dim, int metric, int element, std::uint32_t links_per_node,
                          std::uint32_t build_beam, float alpha, double norm_limit,
                          int layout) {
  if (dim < 1 || dim > 65536) throw nb::value_error("dimensions must be between 1 and 65536");
  if (element < 0 || element > 2) throw nb::value_error("element must be 0, 1 or 2");
  if (links_per_node < 2 || links_per_node > 256)
    throw nb::value_error("links_per_node must be between 2 and 256");
  if (build_beam < 1 || build_beam > 10000)
    throw nb::value_error("build_beam must be between 1 and 10000");
  GraphOptions options;
  options.dim = dim;
  options.metric = metric_from(metric);
  options.element = static_cast<Element>(element);
  options.links_per_node = links_per_node;
  options.build_beam = build_beam;
  options.alpha = alpha;
  options.norm_limit = norm_limit;
  options.layout = layout_from(layout);
  return options;
}

void check_vectors(const Graph& graph, const Vectors& vectors) {
  if (element_of(vectors) != graph.options().element || vectors.shape(1) != graph.options().dim)
    throw nb::value_error("vectors do not have the graph's element type and dimensions");
}

void check_rows(const Graph& graph, const Rows1& rows) {
  for (std::size_t i = 0; i < rows.shape(0); ++i)
    if (rows.data()[i] >= graph.rows()) throw nb::value_error("a row lies beyond the graph");
}

// Altered files must not lead a walk out of the arrays.
void check_rows_exist(const std::uint32_t* numbers, std::size_t count, std::size_t rows,
                      bool may_be_absent) {
  for (std::size_t i = 0; i < count; ++i)
    if (numbers[i] >= rows && !(may_be_absent && numbers[i] == kNoRow))
      throw std::invalid_argument("a link or an entry lies beyond the rows");
}

void check_links(Rows2 links, Rows1 entries, std::size_t rows) {
  check_rows_exist(links.data(), rows * links.shape(1), rows, true);
  check_rows_exist(entries.data(), entries.shape(0), rows, false);
}

void view_nodes(Graph& graph, Vectors vectors, Bytes2 nodes, Rows1 entries) {
  check_vectors(graph, vectors);
  const std::size_t rows = vectors.shape(0);
  if (!graph.is_packed() || rows > kMaxRows || nodes.shape(0) != rows ||
      nodes.shape(1) != graph.node().bytes)
    throw nb::value_error("nodes do not fit the vectors");
  if (entries.shape(0) > Graph::kMaxEntries || (rows > 0 && entries.shape(0) == 0))
    throw nb::value_error("the number of entry rows is out of range");
  if (reinterpret_cast<std::uintptr_t>(nodes.data()) % alignof(std::uint32_t) != 0)
    throw nb::value_error("nodes are not aligned");
  const nb::gil_scoped_release released;
  const std::size_t width = graph.options().links_per_node;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::uint8_t* node = nodes.data() + row * graph.node().bytes;
    check_rows_exist(reinterpret_cast<const std::uint32_t*>(node), width, rows, true);
    std::uint32_t version;
    std::memcpy(&version, node + graph.node().header_at, sizeof version);
    if (version % 2 != 0) throw std::invalid_argument("a node was being written");
  }
  check_rows_exist(entries.data(), entries.shape(0), rows, false);
  graph.view_nodes(vectors.data(), rows, nodes.data(), entries.data(), entries.shape(0));
}

void restore(Graph& graph, Rows2 links, Rows1 entries, int threads) {
  const std::size_t rows = graph.rows();
  if (links.shape(0) != rows || links.shape(1) != graph.options().links_per_node)
    throw nb::value_error("links do not fit the vectors");
  if (entries.shape(0) > Graph::kMaxEntries)
    throw nb::value_error("the number of entry rows is out of range");
  const nb::gil_scoped_release released;
  check_links(links, entries, rows);
  graph.restore(links.data(), entries.data(), entries.shape(0), threads);
}

void view_stored(Graph& graph, Vectors vectors, Rows2 links, std::optional<Bytes2> codes,
                 Rows1 entries) {
  check_vectors(graph, vectors);
  const std::size_t rows = vectors.shape(0);
  const std::size_t width = graph.options().links_per_node;
  if (graph.is_packed() || rows > kMaxRows || links.shape(0) != rows || links.shape(1) != width)
    throw nb::value_error("links do not fit the vectors");
  if (graph.codes_are_vectors() == codes.has_value() ||
      (codes && (codes->shape(0) != rows || codes->shape(1) != graph.codes().row_bytes())))
    throw nb::value_error("codes do not fit the vectors");
  if (entries.shape(0) > Graph::kMaxEntries || (rows > 0 && entries.shape(0) == 0))
    throw nb::value_error("the number of entry rows is out of range");
  if (reinterpret_cast<std::uintptr_t>(links.data()) % alignof(std::uint32_t) != 0)
    throw nb::value_error("links are not aligned");
  const nb::gil_scoped_release released;
  check_links(links, entries, rows);
  graph.view_stored(vectors.data(), rows, links.data(), codes ? codes->data() : nullptr,
                    entries.data(), entries.shape(0));
}

Hits search_of(const Graph& graph, Floats2 queries, std::size_t k, std::size_t beam,
               std::optional<Bytes1> allowed, std::int64_t allowed_count,
               std::size_t full_scan_rows, bool exact, int threads) {
  if (queries.shape(1) != graph.options().dim)
    throw nb::value_error("queries do not have the graph's dimensions");
  SearchOptions options;
  options.k = k;
  options.beam = beam;
  options.full_scan_rows = full_scan_rows;
  options.exact = exact;
  const std::size_t rows = graph.rows();
  std::size_t matches = rows - graph.deleted_rows();
  if (allowed) {
    options.allowed = allowed->data();
    options.mask_rows = std::min(rows, allowed->shape(0) * 8);
    options.allowed_count = allowed_count >= 0 ? static_cast<std::size_t>(allowed_count)
                                               : mask_count(allowed->data(), options.mask_rows);
    matches = std::min(rows, options.allowed_count);
  }
  const std::size_t columns = std::min(k, matches);
  auto out_rows = new_array<std::uint32_t>({queries.shape(0), columns});
  auto out_scores = new_array<float>({queries.shape(0), columns});
  if (columns > 0) {
    const nb::gil_scoped_release released;
    search(graph, queries.data(), queries.shape(0), options, columns, threads, out_rows.data(),
           out_scores.data());
  }
  return {nb::cast(out_rows), nb::cast(out_scores)};
}

using FloatsAny = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Ids1 = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// As users ask, in one call: queries [dim] or [q, dim] are checked and made unit length for cosine,
// and hits come back by id. Throws where a row has no id: rows vanished during the search.
Hits search_ids(const Graph& graph, FloatsAny queries, Ids1 ids, std::size_t k, std::size_t beam,
                std::size_t full_scan_rows, int threads) {
  const std::size_t dim = graph.options().dim;
  if (queries.ndim() < 1 || queries.ndim() > 2 || queries.shape(queries.ndim() - 1) != dim)
    throw nb::value_error("queries do not have the graph's dimensions");
  const std::size_t count = queries.ndim() == 1 ? 1 : queries.shape(0);
  SearchOptions options;
  options.k = k;
  options.beam = beam;
  options.full_scan_rows = full_scan_rows;
  options.raw = true;
  const std::size_t columns = std::min(k, graph.rows() - graph.deleted_rows());
  auto out_ids = new_array<std::uint64_t>({count, columns});
  auto out_scores = new_array<float>({count, columns});
  for (std::size_t i = 0; i < count && columns == 0; ++i)
    if (!std::isfinite(squared_length(queries.data() + i * dim, dim)))
      throw nb::value_error("a query holds NaN or infinity");
  if (columns > 0) {
    const nb::gil_scoped_release released;
    std::vector<std::uint32_t> rows(count * columns);
    search(graph, queries.data(), count, options, columns, threads, rows.data(),
           out_scores.data());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] >= ids.shape(0)) throw std::out_of_range("a row has no id");
      out_ids.data()[i] = ids.data()[rows[i]];
    }
  }
  return {nb::cast(out_ids), nb::cast(out_scores)};
}

// A view of a store whose rows lie in one block, kept alive by the graph.
template <class T>
nb::object view_of(nb::handle graph, const RowStore& store, std::size_t rows) {
  const std::size_t columns = store.row_bytes() / sizeof(T);
  const void* data = rows == 0 ? nullptr : store.at(0);
  return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<2>>(data, {rows, columns}, graph));
}

// Copies rows [start, stop) of a store that may lie in several blocks.
template <class T>
nb::object copy_of(const Graph& graph, const RowStore& store, std::size_t columns,
                   std::size_t start, std::size_t stop) {
  if (start > stop || stop > graph.rows()) throw nb::value_error("the rows lie beyond the graph");
  auto out = new_array<T>({stop - start, columns});
  for (std::size_t row = start; row < stop; ++row)
    std::memcpy(out.data() + (row - start) * columns, store.at(static_cast<std::uint32_t>(row)),
                columns * sizeof(T));
  return nb::cast(out);
}

nb::object entries_of(const Graph& graph) {
  const std::size_t count = graph.entry_count();
  auto out = new_array<std::uint32_t>({count});
  for (std::size_t i = 0; i < count; ++i) out.data()[i] = graph.entry_row(i);
  return nb::cast(out);
}

}  // namespace

void bind_graph(nb::module_& module) {
  using Release = nb::call_guard<nb::gil_scoped_release>;
  nb::class_<Graph>(module, "Graph")
      .def(
          "__init__",
          [](Graph* self, std::size_t dim, int metric, int element, std::uint32_t links_per_node,
             std::uint32_t build_beam, float alpha, double norm_limit, int layout) {
            new (self) Graph(options_from(dim, metric, element, links_per_node, build_beam, alpha,
                                          norm_limit, layout));
          },
          nb::arg("dim"), nb::arg("metric"), nb::arg("element"), nb::arg("links_per_node"),
          nb::arg("build_beam"), nb::arg("alpha"), nb::arg("norm_limit"),
          nb::arg("layout"))
      .def(
          "view_vectors",
          [](Graph& graph, Vectors vectors, int threads) {
            check_vectors(graph, vectors);
            const nb::gil_scoped_release released;
            graph.view_vectors(vectors.data(), vectors.shape(0), threads);
          },
          nb::arg("vectors").noconvert(), nb::arg("threads"))
      .def("view_stored", &view_stored, nb::arg("vectors").noconvert(),
           nb::arg("links").noconvert(), nb::arg("codes").noconvert().none(),
           nb::arg("entries").noconvert())
      .def("view_nodes", &view_nodes, nb::arg("vectors").noconvert(),
           nb::arg("nodes").noconvert(), nb::arg("entries").noconvert())
      .def(
          "append",
          [](Graph& graph, Floats2 vectors, int threads) {
            if (vectors.shape(1) != graph.options().dim ||
                graph.options().element != Element::Float32)
              throw nb::value_error("rows do not have the graph's element type and dimensions");
            const nb::gil_scoped_release released;
            return graph.append(vectors.data(), vectors.shape(0), threads);
          },
          nb::arg("vectors").noconvert(), nb::arg("threads"))
      .def(
          "link",
          [](Graph& graph, Rows1 rows, int threads) {
            check_rows(graph, rows);
            const nb::gil_scoped_release released;
            graph.link(rows.data(), rows.shape(0), threads);
          },
          nb::arg("rows").noconvert(), nb::arg("threads"))
      .def("mend", &Graph::mend, nb::arg("threads"), Release())
      .def("copy_living", &Graph::copy_living, nb::arg("graph"), nb::arg("threads"), Release())
      .def("connect_unreached", &Graph::connect_unreached, nb::arg("threads"), Release())
      .def(
          "remove",
          [](Graph& graph, Rows1 rows, int threads) {
            check_rows(graph, rows);
            const nb::gil_scoped_release released;
            return graph.remove(rows.data(), rows.shape(0), threads);
          },
          nb::arg("rows").noconvert(), nb::arg("threads"))
      .def(
          "mark_removed",
          [](Graph& graph, Rows1 rows) {
            check_rows(graph, rows);
            for (std::size_t i = 0; i < rows.shape(0); ++i) graph.mark_removed(rows.data()[i]);
          },
          nb::arg("rows").noconvert())
      .def(
          "deleted",
          [](const Graph& graph) {
            const std::size_t rows = graph.rows();
            auto out = new_array<bool>({rows});
            for (std::size_t i = 0; i < rows; ++i)
              out.data()[i] = graph.is_deleted(static_cast<std::uint32_t>(i));
            return nb::cast(out);
          })
      .def(
          "deleted_mask",
          [](const Graph& graph) {
            const std::size_t bytes = (graph.rows() + 7) / 8;
            auto out = new_array<std::uint8_t>({bytes});
            for (std::size_t i = 0; i < bytes; ++i)
              out.data()[i] = graph.deleted_byte(static_cast<std::uint32_t>(i));
            return nb::cast(out);
          })
      .def("search", &search_of, nb::arg("queries").noconvert(), nb::arg("k"), nb::arg("beam"),
           nb::arg("allowed").noconvert().none(), nb::arg("allowed_count"),
           nb::arg("full_scan_rows"), nb::arg("exact"), nb::arg("threads"))
      .def("search_ids", &search_ids, nb::arg("queries").noconvert(), nb::arg("ids").noconvert(),
           nb::arg("k"), nb::arg("beam"), nb::arg("full_scan_rows"), nb::arg("threads"))
      .def_prop_ro("rows", &Graph::rows)
      .def_prop_ro("deleted_rows", &Graph::deleted_rows)
      .def_prop_ro("memory_bytes", &Graph::memory_bytes)
      .def_prop_ro("vector_bytes",
                   [](const Graph& graph) { return graph.vectors().memory_bytes(graph.rows()); })
      .def_prop_ro("code_bytes",
                   [](const Graph& graph) {
                     return graph.codes_are_vectors() ? std::size_t{0} : graph.codes().row_bytes();
                   })
      .def("entries", &entries_of)
      .def("center",
           [](const Graph& graph) {
             auto out = new_array<float>({graph.center().size()});
             std::copy(graph.center().begin(), graph.center().end(), out.data());
             return nb::cast(out);
           })
      .def(
          "set_center",
          [](Graph& graph, Floats1 center) {
            if (!graph.is_packed() || graph.rows() > 0 || center.shape(0) != graph.node().dim)
              throw nb::value_error("the center does not fit the graph");
            for (std::size_t i = 0; i < center.shape(0); ++i)
              if (!std::isfinite(center.data()[i]))
                throw nb::value_error("the center is not finite");
            graph.set_center(center.data());
          },
          nb::arg("center").noconvert())
      .def_prop_rw(
          "stretch", [](const Graph& graph) { return graph.stretch(); },
          [](Graph& graph, float stretch) {
            if (!(stretch >= 0 && stretch <= 16)) throw nb::value_error("stretch must be 0 to 16");
            graph.set_stretch(stretch);
          })
      .def_prop_ro("layout", [](const Graph& graph) { return static_cast<int>(graph.layout()); })
      .def("links_view",
           [](nb::handle self) {
             const auto& graph = nb::cast<const Graph&>(self);
             if (graph.is_packed()) throw nb::value_error("a packed graph has nodes");
             return view_of<std::uint32_t>(self, graph.link_store(), graph.rows());
           })
      // Nodes, if the graph is packed.
      .def("codes_view",
           [](nb::handle self) {
             const auto& graph = nb::cast<const Graph&>(self);
             return view_of<std::uint8_t>(self, graph.codes(), graph.rows());
           })
      .def(
          "copy_links",
          [](const Graph& graph, std::size_t start, std::size_t stop) {
            return copy_of<std::uint32_t>(graph, graph.link_store(), graph.options().links_per_node,
                                          start, stop);
          },
          nb::arg("start"), nb::arg("stop"))
      .def(
          "copy_nodes",
          [](const Graph& graph, std::size_t start, std::size_t stop) {
            if (!graph.is_packed()) throw nb::value_error("only a packed graph has nodes");
            return copy_of<std::uint8_t>(graph, graph.codes(), graph.node().bytes, start, stop);
          },
          nb::arg("start"), nb::arg("stop"))
      .def(
          "copy_vectors",
          [](const Graph& graph, std::size_t start, std::size_t stop) {
            if (graph.options().element != Element::Float32)
              throw nb::value_error("only float32 vectors are copied");
            return copy_of<float>(graph, graph.vectors(), graph.options().dim, start, stop);
          },
          nb::arg("start"), nb::arg("stop"))
      .def("restore", &restore, nb::arg("links").noconvert(), nb::arg("entries").noconvert(),
           nb::arg("threads"));
}

}  // namespace ruvector
