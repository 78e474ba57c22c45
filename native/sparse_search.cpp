// How is the inverted index searched? See sparse_index.hpp.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "deadline.hpp"
#include "meter.hpp"
#include "sparse_index.hpp"
#include "sparse_list.hpp"

namespace ruvector {
namespace {

// Nanoseconds, measured on AVX2: what decides between looking at the rows and at the index.
constexpr double kEntryOfRow = 1.2, kPosting = 1.2, kDenseRow = 0.12, kBlockRow = 0.15;
// Rounding of float32 sums in another order, relative to the largest sum that may occur.
constexpr float kRounding = 1e-5F;
constexpr std::size_t kChunk = 1024;  // rows between two looks at the floor
constexpr std::size_t kDenseTile = 4096;  // rows whose sums stay in the L1 cache over all lists
constexpr std::size_t kFewEntries = 16;  // lists of 1/16 of the rows: read twice, not all rows once
constexpr std::size_t kFewShare = 128;  // 1/128 of a block's rows: summed faster than scanned

bool has(const std::uint8_t* mask, std::uint32_t row) {
  return !mask || (mask[row >> 3] >> (row & 7) & 1);
}

}  // namespace

// The rows that may be among the best k, with sums that are off by `blur` at most.
class SparseIndex::Candidates {
 public:
  struct Sum {
    float sum;
    std::uint32_t row;
  };
  Candidates(std::size_t k, float blur, const std::uint8_t* allowed)
      : k_(k), blur_(blur), allowed_(allowed), limit_(std::max<std::size_t>(2 * k + 64, 512)) {
    sums_.reserve(limit_ + kChunk);
  }
  float floor() const { return floor_; }
  // A bound from below of the k-th best true sum; minus infinity while there are fewer than k.
  float sure() const { return floor_ > kLeast ? floor_ + blur_ : -kInfinity; }
  float blur() const { return blur_; }
  std::size_t k() const { return k_; }
  const std::uint8_t* allowed() const { return allowed_; }
  void offer(float sum, std::uint32_t row) {
    if (sum < floor_ || !has(allowed_, row)) return;
    sums_.push_back({sum, row});
    if (sums_.size() >= limit_) cut();
  }
  // Drops what cannot be among the best k.
  void cut() {
    if (sums_.size() < k_ || k_ == 0) return;
    const auto nth = sums_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::ranges::nth_element(sums_, nth, [](const Sum& a, const Sum& b) { return a.sum > b.sum; });
    floor_ = std::max(floor_, nth->sum - 2 * blur_);
    std::erase_if(sums_, [this](const Sum& s) { return s.sum < floor_; });
    limit_ = std::max(limit_, 2 * sums_.size());
  }
  // Whether rows that share no term, whose sum is 0, are known to be worse than the best k.
  bool excludes_zero() const { return floor_ > kLeast; }
  const std::vector<Sum>& sums() const { return sums_; }

 private:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  // Above 0, which is the sum of rows without a term.
  static constexpr float kLeast = std::numeric_limits<float>::min();
  std::size_t k_;
  float blur_;
  const std::uint8_t* allowed_;
  std::size_t limit_;
  float floor_ = kLeast;
  std::vector<Sum> sums_;
};

void SparseIndex::search(const std::uint32_t* terms, const float* weights, std::size_t count,
                         std::size_t k, const std::uint8_t* allowed, std::size_t allowed_count,
                         TopK& best) const {
  if (k == 0 || count == 0 || rows_.rows == 0) return;
  const SparseQuery query(terms, weights, count);
  const std::vector<Block> blocks = lists_of(terms, weights, count);
  float blur = 0;
  double index_cost = 0;
  for (const Block& block : blocks) {
    float largest = 0;
    for (const auto& lists : {block.short_lists, block.dense_lists})
      for (const List& list : lists) largest += std::max(list.most(), -list.least());
    blur = std::max(blur, block.blur + kRounding * largest);
    index_cost += kPosting * static_cast<double>(block.short_entries) +
                  kBlockRow * static_cast<double>(block.rows) +
                  kDenseRow * static_cast<double>(block.rows * block.dense_lists.size());
  }
  const double entries_per_row =
      static_cast<double>(rows_.offsets[rows_.rows]) / static_cast<double>(rows_.rows);
  if (kEntryOfRow * entries_per_row * static_cast<double>(allowed_count) < index_cost) {
    scan_sparse(rows_, query, allowed, best);
    return;
  }
  // Of lists: a place and a number for each entry of short ones, a byte for each row of dense ones.
  read_vectors([&] {
    std::size_t bytes = 0;
    for (const Block& block : blocks)
      bytes += block.short_entries * (sizeof(std::uint16_t) + sizeof(float)) +
               block.rows * block.dense_lists.size();
    return bytes;
  });
  const bool is_exact = std::ranges::all_of(
      blocks, [](const Block& block) { return block.dense_lists.empty(); });
  Candidates candidates(k, is_exact ? 0.0F : blur, allowed);
  thread_local std::vector<float> sums(kSparseBlock);  // all zero between two blocks
  try {
    for (const Block& block : blocks) {
      check_deadline();
      search_block(block, query, sums.data(), candidates);
    }
  } catch (...) {
    std::ranges::fill(sums, 0.0F);
    throw;
  }
  candidates.cut();
  if (!candidates.excludes_zero()) {
    offer_overlapping(blocks, query, allowed, best);
    return;
  }
  for (const Candidates::Sum& candidate : candidates.sums()) {
    bool overlaps = true;
    if (is_exact) {  // the lists came in the order of the row's terms: the sum is the row's
      best.offer(rank_of(candidate.sum, candidate.row, true));
      continue;
    }
    read_vectors([&] { return rows_.bytes_of(candidate.row); });
    const float score = query.score(rows_, candidate.row, overlaps);
    if (overlaps) best.offer(rank_of(score, candidate.row, true));
  }
}

void SparseIndex::search_block(const Block& block, const SparseQuery& query, float* sums,
                               Candidates& candidates) const {
  const auto first = static_cast<std::uint32_t>(block.number * kSparseBlock);
  const SparseLoops& loops = sparse_loops();
  for (const List& list : block.short_lists) {
    const std::uint16_t* __restrict rows = list.rows();
    const float* __restrict values = list.values();
    const float weight = list.weight;
    for (std::size_t i = 0; i < list.count; ++i) sums[rows[i]] += weight * values[i];
  }
  if (block.dense_lists.empty() && block.short_entries * kFewEntries < block.rows) {
    for (const List& list : block.short_lists) {
      for (std::size_t i = 0; i < list.count; ++i) {
        const std::uint16_t row = list.rows()[i];
        candidates.offer(sums[row], first + row);
        sums[row] = 0;
      }
    }
    return;
  }
  std::uint32_t found[kChunk];
  if (!block.dense_lists.empty()) {
    if (sum_few(block, query, sums, candidates)) {
      std::memset(sums, 0, sizeof(float) * block.rows);
      return;
    }
    for (std::size_t tile = 0; tile < block.rows; tile += kDenseTile) {
      const std::size_t rows = std::min(kDenseTile, padded_rows(block.rows) - tile);
      for (const List& list : block.dense_lists)
        loops.add_codes(sums + tile, list.codes() + tile,
                        list.weight * code_step(list.low, list.high), rows);
    }
  }
  for (std::size_t start = 0; start < block.rows; start += kChunk) {
    const std::size_t rows = std::min(kChunk, block.rows - start);
    const std::size_t count = loops.find_above(sums + start, candidates.floor(), rows, found);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::uint32_t>(start) + found[i];
      candidates.offer(sums[row], first + row);
    }
  }
  std::memset(sums, 0, sizeof(float) * padded_rows(block.rows));
}

// Sums the few rows that can reach the best with all that the dense lists may add; false, and
// nothing done, where they are not few.
bool SparseIndex::sum_few(const Block& block, const SparseQuery& query, const float* sums,
                          Candidates& candidates) const {
  const auto first = static_cast<std::uint32_t>(block.number * kSparseBlock);
  std::uint32_t found[kChunk];
  Candidates partial(candidates.k(), candidates.blur(), candidates.allowed());
  for (std::size_t start = 0; start < block.rows; start += kChunk) {
    const std::size_t rows = std::min(kChunk, block.rows - start);
    const std::size_t count = sparse_loops().find_above(sums + start, partial.floor(), rows, found);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::uint32_t>(start) + found[i];
      partial.offer(sums[row], first + row);
    }
  }
  partial.cut();
  const float sure = std::max(candidates.sure(), partial.sure() + block.least);
  const float needed = sure - block.most - candidates.blur();
  if (!(needed > 0)) return false;
  std::vector<std::uint32_t> few;
  for (std::size_t start = 0; start < block.rows; start += kChunk) {
    const std::size_t rows = std::min(kChunk, block.rows - start);
    const std::size_t count = sparse_loops().find_above(sums + start, needed, rows, found);
    if (few.size() + count > kSparseBlock / kFewShare) return false;
    for (std::size_t i = 0; i < count; ++i)
      few.push_back(first + static_cast<std::uint32_t>(start) + found[i]);
  }
  for (const std::uint32_t row : few) {
    bool overlaps = false;
    read_vectors([&] { return rows_.bytes_of(row); });
    candidates.offer(query.score(rows_, row, overlaps), row);
  }
  return true;
}

// The long way, where fewer than k rows are known to have a sum above 0: every row that shares a
// term is summed.
void SparseIndex::offer_overlapping(const std::vector<Block>& blocks, const SparseQuery& query,
                                    const std::uint8_t* allowed, TopK& best) const {
  std::vector<std::uint8_t> bits(kSparseBlock / 8);
  for (const Block& block : blocks) {
    check_deadline();
    std::ranges::fill(bits, std::uint8_t{0});
    for (const auto& lists : {block.short_lists, block.dense_lists})
      for (const List& list : lists) list.mark(bits.data());
    const auto first = static_cast<std::uint32_t>(block.number * kSparseBlock);
    for (std::size_t byte = 0; byte < (block.rows + 7) / 8; ++byte) {
      std::uint32_t left = bits[byte];
      if (allowed) left &= allowed[block.number * (kSparseBlock / 8) + byte];
      for (; left != 0; left &= left - 1) {
        const std::uint32_t row = first + static_cast<std::uint32_t>(
            8 * byte + static_cast<std::size_t>(std::countr_zero(left)));
        bool overlaps = false;
        read_vectors([&] { return rows_.bytes_of(row); });
        best.offer(rank_of(query.score(rows_, row, overlaps), row, true));
      }
    }
  }
}

}  // namespace ruvector
