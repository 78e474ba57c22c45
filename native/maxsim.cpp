#include "maxsim.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "deadline.hpp"
#include "meter.hpp"

namespace ruvector {
namespace {

Sum sum_of(Metric metric) {
  if (metric == Metric::Euclid) return Sum::SquaredDifference;
  return metric == Metric::Manhattan ? Sum::AbsoluteDifference : Sum::Product;
}

}  // namespace

MaxSim::MaxSim(const float* query, std::size_t count, const MultiRows& rows, Metric metric)
    : query_(query),
      count_(count),
      rows_(rows),
      metric_(metric),
      sum_(sum_of(metric)),
      kernel_(best_kernel(rows.element, sum_, rows.dim)),
      blocked_(sum_ == Sum::Product && rows.dim >= kSequentialBelow && multi_loops() != nullptr) {}

float MaxSim::score(std::uint32_t row, float* scratch) const {
  float* best = scratch;
  float* floats = scratch + count_;
  const bool higher = higher_is_better(metric_);
  const float worst = std::numeric_limits<float>::infinity();
  for (std::size_t q = 0; q < count_; ++q) best[q] = higher ? -worst : worst;
  const std::size_t vector_bytes = rows_.dim * element_bytes(rows_.element);
  const auto* vectors = static_cast<const std::byte*>(rows_.vectors);
  const std::uint64_t stop = rows_.offsets[row + 1];
  read_vectors([&] { return (stop - rows_.offsets[row]) * vector_bytes; });
  for (std::uint64_t at = rows_.offsets[row]; at < stop; at += kTile) {
    const std::size_t vector_count = stop - at < kTile ? stop - at : kTile;
    tile(vectors + at * vector_bytes, vector_count, best, floats);
  }
  float sum = 0;
  for (std::size_t q = 0; q < count_; ++q) sum += best[q];
  return metric_ == Metric::Euclid ? std::sqrt(sum) : sum;
}

void MaxSim::tile(const std::byte* vectors, std::size_t vector_count, float* best,
                  float* floats) const {
  const std::size_t dim = rows_.dim;
  if (blocked_) {
    const auto* values = reinterpret_cast<const float*>(vectors);
    if (rows_.element != Element::Float32) {
      multi_loops()->to_floats(vectors, rows_.element, vector_count * dim, floats);
      values = floats;
    }
    multi_loops()->best_products(query_, count_, values, vector_count, dim, best);
    return;
  }
  const std::size_t vector_bytes = dim * element_bytes(rows_.element);
  const bool higher = higher_is_better(metric_);
  for (std::size_t q = 0; q < count_; ++q) {
    for (std::size_t v = 0; v < vector_count; ++v) {
      const float sum = kernel_(query_ + q * dim, vectors + v * vector_bytes, dim);
      if (higher ? sum > best[q] : sum < best[q]) best[q] = sum;
    }
  }
}

void scan_multi(const MaxSim& maxsim, const MultiRows& rows, const std::uint8_t* allowed,
                TopK& best) {
  std::vector<float> scratch(maxsim.scratch_floats());
  Pulse pulse;
  for (std::size_t start = 0; start < rows.rows; start += 8) {
    pulse.beat();
    std::uint32_t bits = allowed ? allowed[start >> 3] : 0xFFU;
    if (rows.rows - start < 8) bits &= (1U << (rows.rows - start)) - 1;
    for (; bits != 0; bits &= bits - 1) {
      const auto row = static_cast<std::uint32_t>(
          start + static_cast<std::size_t>(std::countr_zero(bits)));
      if (rows.offsets[row] == rows.offsets[row + 1]) continue;
      best.offer(rank_of(maxsim.score(row, scratch.data()), row, maxsim.higher()));
    }
  }
}

}  // namespace ruvector
