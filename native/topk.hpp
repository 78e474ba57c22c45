// Which k rows are best? Keeps (score, row) pairs as one integer each: the smaller, the better;
// equal scores are ordered by the lower row; a score that is not a number comes last.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "metric.hpp"

namespace ruvector {

inline std::uint64_t rank_of(float score, std::uint32_t row, bool higher_is_better) {
  if (score != score) return (std::uint64_t{0xFFFFFFFF} << 32) | row;
  const float distance = (higher_is_better ? -score : score) + 0.0F;  // -0 becomes 0
  const auto bits = std::bit_cast<std::uint32_t>(distance);
  const std::uint32_t ordered = bits & 0x80000000U ? ~bits : bits | 0x80000000U;
  return (static_cast<std::uint64_t>(ordered) << 32) | row;
}

inline float score_of(std::uint64_t rank, bool higher_is_better) {
  const auto ordered = static_cast<std::uint32_t>(rank >> 32);
  const float distance =
      std::bit_cast<float>(ordered & 0x80000000U ? ordered & 0x7FFFFFFFU : ~ordered);
  return (higher_is_better ? -distance : distance) + 0.0F;
}

class TopK {
 public:
  explicit TopK(std::size_t k) : k_(k) { ranks_.reserve(k + 1); }
  void clear() { ranks_.clear(); }
  void offer(std::uint64_t rank) {
    if (ranks_.size() == k_) {
      if (k_ == 0 || rank >= ranks_.front()) return;
      std::pop_heap(ranks_.begin(), ranks_.end());
      ranks_.back() = rank;
    } else {
      ranks_.push_back(rank);
    }
    std::push_heap(ranks_.begin(), ranks_.end());
  }
  // Best first. The heap is gone afterwards; call clear() before the next offer.
  const std::vector<std::uint64_t>& sorted() {
    std::sort(ranks_.begin(), ranks_.end());
    return ranks_;
  }

 private:
  std::size_t k_;
  std::vector<std::uint64_t> ranks_;
};

}  // namespace ruvector
