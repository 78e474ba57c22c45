// Which ways of comparing two vectors are there, and which element types may a stored vector have?
// The numbers are part of the Python surface (`ruvector.kernel.Metric`) and of stored graphs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace ruvector {

enum class Metric : int { Cosine = 0, Dot = 1, Euclid = 2, Manhattan = 3 };
enum class Element : int { Float32 = 0, Float16 = 1, UInt8 = 2 };

inline Metric metric_from(int value) {
  if (value < 0 || value > 3) throw std::invalid_argument("metric must be 0, 1, 2 or 3");
  return static_cast<Metric>(value);
}

inline std::size_t element_bytes(Element element) {
  return element == Element::Float32 ? 4 : element == Element::Float16 ? 2 : 1;
}

inline bool higher_is_better(Metric metric) {
  return metric == Metric::Cosine || metric == Metric::Dot;
}

// A packed little-bit-order mask over rows; null means every row.
struct Mask {
  const std::uint8_t* bits = nullptr;
  bool has(std::uint32_t row) const { return (bits[row >> 3] >> (row & 7)) & 1; }
};

}  // namespace ruvector
