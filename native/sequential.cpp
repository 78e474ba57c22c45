// Scores of vectors with fewer than 16 dimensions: one sum after the other in plain float32.
// Compiled with -ffp-contract=off, because a fused multiply-add rounds once instead of twice and
// exact score comparisons (WIRE contract) would differ in the last bit.
#include <cmath>

#include "distance.hpp"

namespace ruvector {
namespace {

inline float load(float value) { return value; }
inline float load(std::uint16_t value) { return half_to_float(value); }
inline float load(std::uint8_t value) { return static_cast<float>(value); }

template <class T, Sum kSum>
float sequential(const float* query, const void* row, std::size_t dim) {
  const T* values = static_cast<const T*>(row);
  float sum = 0.0F;
  for (std::size_t i = 0; i < dim; ++i) {
    const float value = load(values[i]);
    if constexpr (kSum == Sum::Product) {
      sum += query[i] * value;
    } else {
      const float difference = query[i] - value;
      sum += kSum == Sum::SquaredDifference ? difference * difference : std::fabs(difference);
    }
  }
  return sum;
}

template <class T>
Kernel pick(Sum sum) {
  if (sum == Sum::Product) return sequential<T, Sum::Product>;
  if (sum == Sum::SquaredDifference) return sequential<T, Sum::SquaredDifference>;
  return sequential<T, Sum::AbsoluteDifference>;
}

}  // namespace

Kernel sequential_kernel(Element element, Sum sum) {
  if (element == Element::Float32) return pick<float>(sum);
  if (element == Element::Float16) return pick<std::uint16_t>(sum);
  return pick<std::uint8_t>(sum);
}

}  // namespace ruvector
