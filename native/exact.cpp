#include "exact.hpp"

#include <bit>
#include <cstring>
#include <vector>

#include "threads.hpp"
#include "topk.hpp"

namespace ruvector {
namespace {

// Rows per block: small enough that a block stays in the L2 cache while several queries use it.
constexpr std::size_t kBlockBytes = 256 << 10;

void scan(const float* queries, std::size_t query_count, const void* vectors, std::size_t rows,
          std::size_t dim, Element element, Metric metric, std::size_t columns,
          const std::uint8_t* allowed, std::uint32_t* out_rows, float* out_scores) {
  const Scorer scorer(metric, element, dim);
  const bool higher = higher_is_better(metric);
  const auto* base = static_cast<const std::byte*>(vectors);
  const std::size_t stride = scorer.row_bytes();
  std::size_t block = kBlockBytes / stride;
  if (block == 0) block = 1;
  std::vector<TopK> best(query_count, TopK(columns));
  std::vector<float> norms(query_count);
  for (std::size_t q = 0; q < query_count; ++q) norms[q] = scorer.query_norm(queries + q * dim);
  for (std::size_t start = 0; start < rows; start += block) {
    check_deadline();
    const std::size_t stop = start + block < rows ? start + block : rows;
    for (std::size_t q = 0; q < query_count; ++q) {
      const float* query = queries + q * dim;
      for (std::size_t row = start; row < stop; ++row) {
        if (allowed) {
          if (row % 8 == 0 && allowed[row >> 3] == 0) {
            row += 7;
            continue;
          }
          if (!((allowed[row >> 3] >> (row & 7)) & 1)) continue;
        }
        const float score = scorer.score(query, norms[q], base + row * stride);
        best[q].offer(rank_of(score, static_cast<std::uint32_t>(row), higher));
      }
    }
  }
  read_vectors([&] {
    return query_count * (allowed ? mask_count(allowed, rows) : rows) * stride;
  });
  for (std::size_t q = 0; q < query_count; ++q) {
    std::size_t column = 0;
    for (const std::uint64_t rank : best[q].sorted()) {
      out_rows[q * columns + column] = static_cast<std::uint32_t>(rank);
      out_scores[q * columns + column++] = score_of(rank, higher);
    }
  }
}

}  // namespace

std::size_t mask_count(const std::uint8_t* mask, std::size_t rows) {
  std::size_t count = 0;
  std::size_t byte = 0;
  const std::size_t whole = rows / 8;
  for (; byte + 8 <= whole; byte += 8) {
    std::uint64_t word;
    std::memcpy(&word, mask + byte, 8);
    count += static_cast<std::size_t>(std::popcount(word));
  }
  for (; byte < whole; ++byte) count += static_cast<std::size_t>(std::popcount(mask[byte]));
  if (rows % 8) {
    const unsigned last = mask[whole] & ((1U << (rows % 8)) - 1);
    count += static_cast<std::size_t>(std::popcount(last));
  }
  return count;
}

void exact_search(const float* queries, std::size_t query_count, const void* vectors,
                  std::size_t rows, std::size_t dim, Element element, Metric metric,
                  std::size_t columns, const std::uint8_t* allowed, int threads,
                  std::uint32_t* out_rows, float* out_scores) {
  if (columns == 0 || query_count == 0) return;
  // Each thread takes one run of queries, so that it uses a block of rows for all of them.
  const std::size_t parts = thread_count(threads, query_count);
  parallel_for(parts, threads, 1, [&](std::size_t part) {
    const std::size_t first = part * query_count / parts;
    const std::size_t last = (part + 1) * query_count / parts;
    scan(queries + first * dim, last - first, vectors, rows, dim, element, metric, columns, allowed,
         out_rows + first * columns, out_scores + first * columns);
  });
}

void score_rows(const float* query, const void* vectors, std::size_t dim, Element element,
                Metric metric, const std::uint32_t* rows, std::size_t count, float* out) {
  const Scorer scorer(metric, element, dim);
  const float norm = scorer.query_norm(query);
  const auto* base = static_cast<const std::byte*>(vectors);
  const std::size_t stride = scorer.row_bytes();
  Pulse pulse;
  read_vectors([&] { return count * stride; });
  for (std::size_t i = 0; i < count; ++i) {
    pulse.beat();
    if (i + 4 < count) {
      const std::byte* ahead = base + rows[i + 4] * stride;
      for (std::size_t line = 0; line < stride && line < 4096; line += 64)
        __builtin_prefetch(ahead + line);
    }
    out[i] = scorer.score(query, norm, base + rows[i] * stride);
  }
}

}  // namespace ruvector
