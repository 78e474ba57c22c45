// How alike are a sparse query and rows of sparse vectors? Dot products over shared terms, by
// looking at the rows themselves.
//
// Rows are stored one after the other: row r has the entries [offsets[r], offsets[r + 1]) of
// `terms` (ascending within the row) and `values` (float32 or float16). Sums are taken in the order
// of the row's terms, in float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "metric.hpp"
#include "topk.hpp"

namespace ruvector {

struct SparseRows {
  const std::uint64_t* offsets = nullptr;  // [rows + 1]
  const std::uint32_t* terms = nullptr;
  const void* values = nullptr;
  Element element = Element::Float32;
  std::size_t rows = 0;

  float value(std::uint64_t entry) const;
  std::size_t entry_bytes() const {
    return sizeof(std::uint32_t) + (element == Element::Float32 ? 4 : 2);
  }
  // Of the entries of one row.
  std::size_t bytes_of(std::uint32_t row) const {
    return (offsets[row + 1] - offsets[row]) * entry_bytes();
  }
};

// Throws std::invalid_argument unless the offsets ascend from 0 to `entries`.
void check_sparse_rows(const SparseRows& rows, std::size_t entries);

// The query's terms in a small hash table, behind a filter of one bit a term.
class SparseQuery {
 public:
  SparseQuery(const std::uint32_t* terms, const float* weights, std::size_t count);
  // The product's sum, and whether any term is shared.
  float score(const SparseRows& rows, std::uint32_t row, bool& overlaps) const;
  // The term's place in the query, or -1.
  int find(std::uint32_t term) const {
    const std::uint32_t hash = hash_of(term);
    if (!(filter_[hash >> 26] >> (hash >> 20 & 63) & 1)) return -1;
    for (std::uint32_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      if (slots_[slot] == 0) return -1;
      if (terms_[slots_[slot] - 1] == term) return static_cast<int>(slots_[slot] - 1);
    }
  }
  std::size_t size() const { return count_; }

 private:
  static std::uint32_t hash_of(std::uint32_t term) {
    const std::uint32_t mixed = term * 0x9E3779B1U;
    return mixed ^ mixed >> 15;
  }
  const std::uint32_t* terms_;
  const float* weights_;
  std::size_t count_;
  std::uint32_t mask_;
  std::uint64_t filter_[64] = {};
  std::vector<std::uint32_t> slots_;  // 1 + place in the query; 0 for none
};

// Offers every allowed row that shares a term with the query.
void scan_sparse(const SparseRows& rows, const SparseQuery& query, const std::uint8_t* allowed,
                 TopK& best);

// Adds to counts[i] the allowed rows that have the query's term i.
void count_sparse(const SparseRows& rows, const SparseQuery& query, const std::uint8_t* allowed,
                  std::uint64_t* counts);

}  // namespace ruvector
