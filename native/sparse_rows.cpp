#include "sparse_rows.hpp"

#include <bit>
#include <stdexcept>

#include "distance.hpp"
#include "meter.hpp"

namespace ruvector {
namespace {

// Calls visit(row) for every allowed row.
template <class Visit>
void for_allowed(std::size_t rows, const std::uint8_t* allowed, Visit&& visit) {
  for (std::size_t start = 0; start < rows; start += 8) {
    std::uint32_t bits = allowed ? allowed[start >> 3] : 0xFFU;
    if (rows - start < 8) bits &= (1U << (rows - start)) - 1;
    for (; bits != 0; bits &= bits - 1)
      visit(static_cast<std::uint32_t>(start) + static_cast<std::uint32_t>(std::countr_zero(bits)));
  }
}

}  // namespace

float SparseRows::value(std::uint64_t entry) const {
  if (element == Element::Float32) return static_cast<const float*>(values)[entry];
  return half_to_float(static_cast<const std::uint16_t*>(values)[entry]);
}

void check_sparse_rows(const SparseRows& rows, std::size_t entries) {
  if (rows.offsets[0] != 0 || rows.offsets[rows.rows] != entries)
    throw std::invalid_argument("the offsets of sparse rows do not span their entries");
  for (std::size_t row = 0; row < rows.rows; ++row)
    if (rows.offsets[row] > rows.offsets[row + 1])
      throw std::invalid_argument("the offsets of sparse rows do not ascend");
}

SparseQuery::SparseQuery(const std::uint32_t* terms, const float* weights, std::size_t count)
    : terms_(terms), weights_(weights), count_(count) {
  const std::size_t size = std::bit_ceil(2 * count + 2);
  mask_ = static_cast<std::uint32_t>(size - 1);
  slots_.assign(size, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t hash = hash_of(terms[i]);
    filter_[hash >> 26] |= std::uint64_t{1} << (hash >> 20 & 63);
    std::uint32_t slot = hash & mask_;
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

float SparseQuery::score(const SparseRows& rows, std::uint32_t row, bool& overlaps) const {
  float sum = 0;
  overlaps = false;
  for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
    const int place = find(rows.terms[i]);
    if (place < 0) continue;
    overlaps = true;
    sum += weights_[place] * rows.value(i);
  }
  return sum;
}

void scan_sparse(const SparseRows& rows, const SparseQuery& query, const std::uint8_t* allowed,
                 TopK& best) {
  for_allowed(rows.rows, allowed, [&](std::uint32_t row) {
    read_vectors([&] { return rows.bytes_of(row); });
    bool overlaps = false;
    const float score = query.score(rows, row, overlaps);
    if (overlaps) best.offer(rank_of(score, row, true));
  });
}

void count_sparse(const SparseRows& rows, const SparseQuery& query, const std::uint8_t* allowed,
                  std::uint64_t* counts) {
  for_allowed(rows.rows, allowed, [&](std::uint32_t row) {
    for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
      const int place = query.find(rows.terms[i]);
      if (place >= 0) ++counts[place];
    }
  });
}

}  // namespace ruvector
