// Which kernel answers for this element type, metric and dimension? One decision per search.
#include "distance.hpp"

#include <bit>
#include <cmath>

#include "rabitq.hpp"

namespace ruvector {
namespace {

float library_dot(const float* query, const void* row, std::size_t dim) {
  return dot_float(query, static_cast<const float*>(row), dim);
}

float library_euclid(const float* query, const void* row, std::size_t dim) {
  return euclid_squared_float(query, static_cast<const float*>(row), dim);
}

Sum sum_of(Metric metric) {
  if (metric == Metric::Euclid) return Sum::SquaredDifference;
  return metric == Metric::Manhattan ? Sum::AbsoluteDifference : Sum::Product;
}

}  // namespace

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1F;
  const std::uint32_t mantissa = half & 0x3FF;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float value = static_cast<float>(mantissa) * 0x1p-24F;
  return sign ? -value : value;
}

Kernel best_kernel(Element element, Sum sum, std::size_t dim) {
  if (dim < kSequentialBelow) return sequential_kernel(element, sum);
  if (element == Element::Float32 && sum == Sum::Product) return library_dot;
  if (element == Element::Float32 && sum == Sum::SquaredDifference) return library_euclid;
  if (Kernel kernel = vector_kernel(element, sum)) return kernel;
  return sequential_kernel(element, sum);
}

Scorer::Scorer(Metric metric, Element element, std::size_t dim)
    : metric_(metric),
      element_(element),
      dim_(dim),
      row_bytes_(dim * element_bytes(element)),
      normalize_(metric == Metric::Cosine && element == Element::UInt8),
      kernel_(best_kernel(element, sum_of(metric), dim)) {}

float Scorer::query_norm(const float* query) const {
  if (!normalize_) return 1.0F;
  return std::sqrt(best_kernel(Element::Float32, Sum::Product, dim_)(query, query, dim_));
}

float Scorer::score(const float* query, float query_norm, const void* row) const {
  const float sum = kernel_(query, row, dim_);
  if (metric_ == Metric::Euclid) return std::sqrt(sum);
  if (!normalize_) return sum;
  const auto* values = static_cast<const std::uint8_t*>(row);
  std::uint64_t squares = 0;
  for (std::size_t i = 0; i < dim_; ++i) squares += std::uint32_t{values[i]} * values[i];
  const float norms = query_norm * static_cast<float>(std::sqrt(static_cast<double>(squares)));
  return norms > 0 ? sum / norms : 0.0F;
}

void row_to_float(const void* row, Element element, std::size_t dim, bool normalize, float* out) {
  double squares = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    if (element == Element::Float32)
      out[i] = static_cast<const float*>(row)[i];
    else if (element == Element::Float16)
      out[i] = half_to_float(static_cast<const std::uint16_t*>(row)[i]);
    else
      out[i] = static_cast<float>(static_cast<const std::uint8_t*>(row)[i]);
    squares += static_cast<double>(out[i]) * out[i];
  }
  if (!normalize || squares == 0) return;
  const float factor = static_cast<float>(1.0 / std::sqrt(squares));
  for (std::size_t i = 0; i < dim; ++i) out[i] *= factor;
}

}  // namespace ruvector
