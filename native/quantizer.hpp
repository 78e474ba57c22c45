// How far is a row from a query, by the row's compact code alone? The contract of all quantizers.
//
// A quantizer is fixed once its parameters are known; rows are encoded one by one and are all of
// `row_bytes()`. Distances rank rows as the metric does, the smaller the nearer; `score` turns one
// into what users see. Every byte string of that length is a valid code: altered ones give wrong
// distances, never reads outside.
// Threads: any number may encode and measure; buffers belong to the caller.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "distance.hpp"

namespace ruvector {

// A prepared query; its arrays lie in the buffer it was prepared in.
struct QuantizedQuery {
  const std::int8_t* codes = nullptr;
  const float* table = nullptr;
  float base = 0, scale = 0, shift = 0;
};

class Quantizer {
 public:
  using Query = QuantizedQuery;

  Quantizer(Metric metric, std::size_t dim) : metric_(metric), dim_(dim) {}
  virtual ~Quantizer() = default;
  Quantizer(const Quantizer&) = delete;
  Quantizer& operator=(const Quantizer&) = delete;

  Metric metric() const { return metric_; }
  std::size_t dim() const { return dim_; }

  virtual std::size_t row_bytes() const = 0;
  virtual std::size_t query_bytes() const = 0;    // of the buffer of one query
  virtual std::size_t scratch_bytes() const = 0;  // of the buffer of one encoding
  virtual void encode(const float* vector, std::byte* scratch, std::byte* row) const = 0;
  virtual QuantizedQuery prepare(const float* vector, std::byte* buffer) const = 0;
  virtual float distance(const QuantizedQuery& query, const std::byte* row) const = 0;

  virtual float score(float distance) const {
    if (higher_is_better(metric_)) return 0.0F - distance;  // not -0
    if (metric_ == Metric::Manhattan) return distance;
    return distance > 0 ? std::sqrt(distance) : 0.0F;
  }

 private:
  Metric metric_;
  std::size_t dim_;
};

// Half cache lines: such a row touches no more lines than one that begins with a line would.
inline std::size_t padded_row(std::size_t bytes) {
  const std::size_t unit = bytes > 32 ? 32 : 16;
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace ruvector
