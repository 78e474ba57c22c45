#include "scalar_quantizer.hpp"

#include <algorithm>
#include <cstring>

namespace ruvector {
namespace {

constexpr float kLargest = 127.0F;

}  // namespace

ScalarQuantizer::ScalarQuantizer(Metric metric, std::size_t dim, float offset, float step)
    : Quantizer(metric, dim),
      offset_(offset),
      step_(step),
      row_bytes_(padded_row(dim + (metric == Metric::Euclid ? sizeof(float) : 0))),
      dot_(int8_dot()),
      difference_(best_byte_difference()) {}

std::uint8_t ScalarQuantizer::code_of(float value) const {
  return static_cast<std::uint8_t>(
      std::clamp(std::nearbyint((value - offset_) / step_), 0.0F, kLargest));
}

void ScalarQuantizer::encode(const float* vector, std::byte*, std::byte* row) const {
  std::memset(row, 0, row_bytes_);
  double squares = 0;
  for (std::size_t i = 0; i < dim(); ++i) {
    const std::uint8_t code = code_of(vector[i]);
    row[i] = static_cast<std::byte>(code);
    const double value = offset_ + static_cast<double>(step_) * code;
    squares += value * value;
  }
  if (metric() != Metric::Euclid) return;
  const auto norm = static_cast<float>(squares);
  std::memcpy(row + dim(), &norm, sizeof norm);
}

QuantizedQuery ScalarQuantizer::prepare(const float* vector, std::byte* buffer) const {
  QuantizedQuery query;
  query.codes = reinterpret_cast<const std::int8_t*>(buffer);
  if (metric() == Metric::Manhattan) {
    for (std::size_t i = 0; i < dim(); ++i) buffer[i] = static_cast<std::byte>(code_of(vector[i]));
    query.scale = step_;
    return query;
  }
  float largest = 0;
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < dim(); ++i) {
    largest = std::max(largest, std::fabs(vector[i]));
    sum += vector[i];
    squares += static_cast<double>(vector[i]) * vector[i];
  }
  const float scale = largest / kLargest;
  for (std::size_t i = 0; i < dim(); ++i)
    buffer[i] = static_cast<std::byte>(static_cast<std::int8_t>(
        scale > 0 ? std::clamp(std::nearbyint(vector[i] / scale), -kLargest, kLargest) : 0.0F));
  const bool is_euclid = metric() == Metric::Euclid;
  const float factor = is_euclid ? -2.0F : -1.0F;
  query.scale = factor * scale * step_;
  query.base = static_cast<float>((is_euclid ? squares : 0) + factor * offset_ * sum);
  return query;
}

float ScalarQuantizer::distance(const QuantizedQuery& query, const std::byte* row) const {
  if (metric() == Metric::Manhattan)
    return query.scale *
           static_cast<float>(difference_(reinterpret_cast<const std::uint8_t*>(query.codes),
                                          reinterpret_cast<const std::uint8_t*>(row), dim()));
  std::int32_t product;
  dot_(query.codes, reinterpret_cast<const std::int8_t*>(row), dim(), &product);
  float norm = 0;
  if (metric() == Metric::Euclid) std::memcpy(&norm, row + dim(), sizeof norm);
  return query.base + norm + query.scale * static_cast<float>(product);
}

}  // namespace ruvector
