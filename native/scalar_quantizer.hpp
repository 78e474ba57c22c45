// What does one byte a dimension say, on one scale for all rows? A number x is 0..127 steps above
// an offset; what lies outside (beyond the chosen quantile) is cut off.
//
//   row: | u8 x dim | squared norm f32 (euclid only) | zeros |
#pragma once

#include "bit_kernels.hpp"
#include "codes.hpp"
#include "quantizer.hpp"

namespace ruvector {

class ScalarQuantizer final : public Quantizer {
 public:
  // step > 0.
  ScalarQuantizer(Metric metric, std::size_t dim, float offset, float step);

  std::size_t row_bytes() const override { return row_bytes_; }
  std::size_t query_bytes() const override { return row_bytes_ + 64; }
  std::size_t scratch_bytes() const override { return 0; }
  void encode(const float* vector, std::byte* scratch, std::byte* row) const override;
  QuantizedQuery prepare(const float* vector, std::byte* buffer) const override;
  float distance(const QuantizedQuery& query, const std::byte* row) const override;

 private:
  std::uint8_t code_of(float value) const;

  float offset_;
  float step_;
  std::size_t row_bytes_;
  Int8Dot dot_;
  ByteDifference difference_;
};

}  // namespace ruvector
