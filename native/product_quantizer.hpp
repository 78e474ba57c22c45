// What does one byte say of 1, 2, 4, 8 or 16 dimensions together? Which of 256 centres of that part
// is nearest. A query knows its distance to all centres, and a row's is the sum over its parts.
//
//   row: | u8 x parts | zeros |
//
// Source: Jegou, Douze, Schmid, Product quantization for nearest neighbor search (2011).
#pragma once

#include <vector>

#include "quantizer.hpp"

namespace ruvector {

class ProductQuantizer final : public Quantizer {
 public:
  static constexpr std::size_t kCentres = 256;

  // centres: float32 [parts, 256, width], parts = ceil(dim / width); the last part is filled up
  // with zeros.
  ProductQuantizer(Metric metric, std::size_t dim, std::size_t width, const float* centres);

  std::size_t row_bytes() const override { return row_bytes_; }
  std::size_t query_bytes() const override {
    return (parts_ * kCentres + parts_ * width_) * sizeof(float);
  }
  std::size_t scratch_bytes() const override {
    return (parts_ * width_ + kCentres) * sizeof(float);
  }
  void encode(const float* vector, std::byte* scratch, std::byte* row) const override;
  QuantizedQuery prepare(const float* vector, std::byte* buffer) const override;
  float distance(const QuantizedQuery& query, const std::byte* row) const override;

 private:
  const float* padded(const float* vector, float* buffer) const;

  std::size_t width_;
  std::size_t parts_;
  std::size_t row_bytes_;
  std::vector<float> centres_;  // [parts, width, 256]: one coordinate of all centres together
};

// Centres of one part after `rounds` rounds of k-means (Lloyd 1982) over `rows` points float32
// [rows, width]; the first centres are evenly spaced rows. Writes float32 [256, width].
void train_part(const float* points, std::size_t rows, std::size_t width, int rounds,
                float* centres);

}  // namespace ruvector
