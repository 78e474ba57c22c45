// How alike are two sets of vectors? MaxSim: for each vector of the query the nearest one of the
// row's, and the sum of those (Khattab and Zaharia 2020, "ColBERT").
//
// Rows are stored one after the other: row r has the vectors [offsets[r], offsets[r + 1]). Products
// are summed as they are; Euclid sums squared distances and takes the root at the end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "distance.hpp"
#include "topk.hpp"

namespace ruvector {

struct MultiRows {
  const std::uint64_t* offsets = nullptr;  // [rows + 1]
  const void* vectors = nullptr;
  Element element = Element::Float32;
  std::size_t dim = 0;
  std::size_t rows = 0;
};

class MaxSim {
 public:
  // query: float32 [count, dim], kept by the caller.
  MaxSim(const float* query, std::size_t count, const MultiRows& rows, Metric metric);
  // The score of a row; a row without vectors must not be asked for.
  float score(std::uint32_t row, float* scratch) const;
  bool higher() const { return higher_is_better(metric_); }
  // Floats that `score` needs for scratch, whatever the row.
  std::size_t scratch_floats() const { return count_ + kTile * rows_.dim; }

 private:
  static constexpr std::size_t kTile = 32;  // vectors of a row that are compared at once
  void tile(const std::byte* vectors, std::size_t vector_count, float* best, float* floats) const;

  const float* query_;
  std::size_t count_;
  MultiRows rows_;
  Metric metric_;
  Sum sum_;
  Kernel kernel_;
  bool blocked_;  // products of 16 dimensions or more, on AVX2
};

// Offers every allowed row that has vectors.
void scan_multi(const MaxSim& maxsim, const MultiRows& rows, const std::uint8_t* allowed,
                TopK& best);

// The loops of maxsim_avx2.cpp: null without AVX2.
struct MultiLoops {
  // best[q] = max(best[q], query q x each vector), float32 rows of `dim`.
  void (*best_products)(const float* query, std::size_t count, const float* vectors,
                        std::size_t vector_count, std::size_t dim, float* best);
  void (*to_floats)(const void* values, Element element, std::size_t count, float* out);
};
const MultiLoops* multi_loops();

}  // namespace ruvector
