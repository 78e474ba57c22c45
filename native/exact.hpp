// Which rows match best if every row is looked at?
#pragma once

#include <cstddef>
#include <cstdint>

#include "distance.hpp"

namespace ruvector {

std::size_t mask_count(const std::uint8_t* mask, std::size_t rows);

// Writes min(k, allowed) hits per query, best first. `columns` is that number. Threads share
// queries.
void exact_search(const float* queries, std::size_t query_count, const void* vectors,
                  std::size_t rows, std::size_t dim, Element element, Metric metric,
                  std::size_t columns, const std::uint8_t* allowed, int threads,
                  std::uint32_t* out_rows, float* out_scores);

void score_rows(const float* query, const void* vectors, std::size_t dim, Element element,
                Metric metric, const std::uint32_t* rows, std::size_t count, float* out);

}  // namespace ruvector
