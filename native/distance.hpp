// How alike are a float32 query and a stored row? Final scores, in the convention users see.
//
// Every kernel takes (query, row, dim); rows are float32, float16 or uint8. Sums are float32.
// Below 16 dimensions the sums are sequential and without fused multiply-add (see sequential.cpp).
#pragma once

#include "metric.hpp"

namespace ruvector {

using Kernel = float (*)(const float* query, const void* row, std::size_t dim);

enum class Sum : int { Product = 0, SquaredDifference = 1, AbsoluteDifference = 2 };

Kernel sequential_kernel(Element element, Sum sum);  // sequential.cpp: also the plain twin
Kernel vector_kernel(Element element, Sum sum);      // distance_avx2.cpp; null without AVX2
Kernel best_kernel(Element element, Sum sum, std::size_t dim);

float half_to_float(std::uint16_t half);

// Below this many dimensions scores are summed one after the other, as Qdrant does.
inline constexpr std::size_t kSequentialBelow = 16;

// Turns a kernel's sum into the user's score; made once per search.
class Scorer {
 public:
  Scorer(Metric metric, Element element, std::size_t dim);
  // The query's norm is needed only for cosine over uint8 rows, which cannot have unit length.
  float query_norm(const float* query) const;
  float score(const float* query, float query_norm, const void* row) const;
  std::size_t row_bytes() const { return row_bytes_; }
  Metric metric() const { return metric_; }

 private:
  Metric metric_;
  Element element_;
  std::size_t dim_;
  std::size_t row_bytes_;
  bool normalize_;
  Kernel kernel_;
};

// Writes the row as float32, divided by its length if `normalize` (a zero row stays zero).
void row_to_float(const void* row, Element element, std::size_t dim, bool normalize, float* out);

}  // namespace ruvector
