// What do 1, 1.5, 2, 4 or 8 bits a dimension say of a vector? Rotated, seen from its nearest
// centre, rounded to the levels that suit a normal distribution, with factors that keep the
// estimate of a distance free of bias.
//
//   row: | levels, 16-byte blocks (bit_kernels.hpp) | add f32 | rescale f32 | centre u32 | zeros |
//
// With r = P(v - c) and x its levels, <r, y> is estimated by |r|^2 / <r, x> * <x, y>; the distance
// of a query q to v is then G(c) + add + rescale * <x, Pq>, where G(c) is |q - c|^2 or -<q, c>.
// Source: RaBitQ (2405.12497), multi-bit (2409.09913). Deviations: (a) Lloyd-Max levels with a
// scale fitted to each row, where the paper looks for the best uniform ones: 4 bits .966 against
// .960 (62,666 x 384, all codes scanned, recall@10); (b) the query is int8.
#pragma once

#include <memory>
#include <vector>

#include "bit_kernels.hpp"
#include "codes.hpp"
#include "quantizer.hpp"
#include "rabitq.hpp"

namespace ruvector {

// How finely a query is rounded: to 8 or 4 bits, or to the levels of the rows.
enum class QueryWidth : int { Eight = 0, Four = 1, Same = 2 };

class BitQuantizer final : public Quantizer {
 public:
  static constexpr std::size_t kMaxCentres = 256;

  // centres: float32 [count, dim], 1 to 256 of them. Not for manhattan.
  BitQuantizer(Metric metric, std::size_t dim, BitWidth width, QueryWidth query_width,
               const float* centres, std::size_t count);

  std::size_t row_bytes() const override { return row_bytes_; }
  std::size_t query_bytes() const override;
  std::size_t scratch_bytes() const override;
  void encode(const float* vector, std::byte* scratch, std::byte* row) const override;
  QuantizedQuery prepare(const float* vector, std::byte* buffer) const override;
  float distance(const QuantizedQuery& query, const std::byte* row) const override;

  std::size_t rotated_dim() const { return padded_; }
  // padded, rotated: rotated_dim() floats each.
  void rotate(const float* vector, float* padded, float* rotated) const;

 private:
  struct Fit {
    double product = 0;  // <r, x>
    double squares = 0;  // |r|^2
  };
  std::size_t nearest_centre(const float* vector) const;
  Fit fit(const float* residual, std::uint8_t* numbers) const;
  float round_query(const float* rotated, std::uint8_t* numbers, std::int8_t* codes) const;

  BitWidth width_;
  QueryWidth query_width_;
  const BitShape& shape_;
  std::size_t padded_;  // dimensions after the rotation
  std::size_t blocks_;
  std::size_t codes_bytes_;  // of a query
  std::size_t row_bytes_;
  std::vector<float> values_;   // of the levels
  std::vector<float> middles_;  // between them, where they are not evenly spaced
  Rotation rotation_;
  std::vector<float> centres_;          // [count, dim]
  std::vector<float> rotated_centres_;  // [count, padded]
  std::size_t count_;
  CodeDot dot_ = nullptr;
  Int8Dot int8_dot_;
};

}  // namespace ruvector
