// Which sparse rows score best, without looking at most of them? An inverted index over blocks of
// 65,536 rows, answered term by term into accumulators, and exact sums for the candidates.
//
// A block has a list for each of its terms: the rows that have the term, and their values. A short
// list holds (row in the block, float32 value); a list of more than 1/8 of the block is dense: one
// bit a row for presence, one signed byte a row for the value, in steps of 1/127 of the list's
// largest. What the bytes lose is bounded, so that every row that may belong to the best is summed
// again from the rows themselves: the answer is exact.
// Where the short lists alone show that few rows can still win, the dense lists are not read.
//
// Layout: docs/formats/sparse.md. Threads: any number may search; nothing changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sparse_rows.hpp"
#include "topk.hpp"

namespace ruvector {

inline constexpr std::size_t kSparseBlock = 65536;  // rows of a block: row numbers take two bytes
inline constexpr std::size_t kDenseShare = 8;       // a list of 1/8 of the rows is dense

// Where things stand in a list: rows then values where it is short, bits then bytes where dense.
inline std::size_t short_values_at(std::size_t count) { return (2 * count + 3) / 4 * 4; }
inline std::size_t padded_rows(std::size_t block_rows) { return (block_rows + 31) / 32 * 32; }
inline std::size_t dense_codes_at(std::size_t block_rows) { return padded_rows(block_rows) / 8; }
inline std::size_t list_bytes(bool is_dense, std::size_t count, std::size_t block_rows) {
  return is_dense ? dense_codes_at(block_rows) + padded_rows(block_rows)
                  : short_values_at(count) + 4 * count;
}
inline float code_step(float low, float high) { return (low < -high ? -low : high) / 127.0F; }

// What an index is made of; views or owned, see SparsePostings.
struct SparseIndexView {
  const std::uint64_t* blocks = nullptr;  // [block count + 1]: the first list of each block
  std::size_t block_count = 0;
  const std::uint32_t* terms = nullptr;   // [lists], ascending within a block
  const std::uint32_t* counts = nullptr;  // [lists]: rows in the list
  const float* limits = nullptr;          // [lists, 2]: smallest and largest value
  const std::uint8_t* dense = nullptr;    // [lists]
  const std::uint64_t* starts = nullptr;  // [lists + 1]: where a list begins in `postings`
  std::size_t lists = 0;
  const std::uint8_t* postings = nullptr;
  std::size_t bytes = 0;
};

struct SparsePostings {
  std::vector<std::uint64_t> blocks;
  std::vector<std::uint32_t> terms;
  std::vector<std::uint32_t> counts;
  std::vector<float> limits;
  std::vector<std::uint8_t> dense;
  std::vector<std::uint64_t> starts;
  std::vector<std::uint8_t> postings;
};

// Throws std::invalid_argument for rows whose terms do not ascend.
SparsePostings build_sparse(const SparseRows& rows);

class SparseIndex {
 public:
  // Throws std::invalid_argument where the arrays cannot be what build_sparse made for such rows:
  // afterwards no list leads outside of them.
  SparseIndex(const SparseIndexView& view, const SparseRows& rows);

  // Offers the best allowed rows that share a term with the query. Terms ascend.
  void search(const std::uint32_t* terms, const float* weights, std::size_t count, std::size_t k,
              const std::uint8_t* allowed, std::size_t allowed_count, TopK& best) const;
  // Adds to counts[i] the allowed rows that have terms[i]. Terms ascend.
  void count(const std::uint32_t* terms, std::size_t count, const std::uint8_t* allowed,
             std::uint64_t* counts) const;
  std::size_t rows() const { return rows_.rows; }

 private:
  struct List;
  struct Block;
  class Candidates;
  std::size_t rows_of(std::size_t block) const;
  List list_at(std::uint64_t position, std::size_t block, float weight) const;
  std::vector<Block> lists_of(const std::uint32_t* terms, const float* weights,
                              std::size_t count) const;
  void check_list(std::uint64_t position, std::size_t block_rows) const;
  void search_block(const Block& block, const SparseQuery& query, float* sums,
                    Candidates& candidates) const;
  bool sum_few(const Block& block, const SparseQuery& query, const float* sums,
               Candidates& candidates) const;
  void offer_overlapping(const std::vector<Block>& blocks, const SparseQuery& query,
                         const std::uint8_t* allowed, TopK& best) const;

  SparseIndexView view_;
  SparseRows rows_;
};

// The loops over accumulators, chosen for the CPU; sparse_loops.cpp.
struct SparseLoops {
  // sums[i] += factor * codes[i] for i < rows; rows is rounded up to 32 by the caller.
  void (*add_codes)(float* sums, const std::int8_t* codes, float factor, std::size_t rows);
  // Writes the positions below `rows` (1024 at most) whose sum is `floor` at least; returns their
  // number.
  std::size_t (*find_above)(const float* sums, float floor, std::size_t rows, std::uint32_t* found);
};
const SparseLoops& sparse_loops();
const SparseLoops& plain_sparse_loops();

}  // namespace ruvector
