// Which k rows answer this query, and how: by the graph or by looking at every match?
#pragma once

#include "graph.hpp"

namespace ruvector {

struct SearchOptions {
  std::size_t k = 10;
  std::size_t beam = 64;
  // Packed mask or null. With a mask, rows removed from the graph match as well if the mask says
  // so: it describes the rows at one moment, whatever was removed since.
  const std::uint8_t* allowed = nullptr;
  std::size_t mask_rows = 0;              // rows the mask covers; later rows do not match
  std::size_t allowed_count = 0;
  std::size_t full_scan_rows = 2000;  // so few matches are scanned exactly
  bool exact = false;
  // Queries are as users give them: checked, and made unit length for cosine. Otherwise the caller
  // did that.
  bool raw = false;
};

// Throws std::invalid_argument for a raw query that is not finite.
// Fills `columns` = min(k, matches) hits per query, best first; a place left over holds kNoRow.
void search(const Graph& graph, const float* queries, std::size_t query_count,
            const SearchOptions& options, std::size_t columns, int threads, std::uint32_t* out_rows,
            float* out_scores);

}  // namespace ruvector
