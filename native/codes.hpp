// How far apart are two rows, cheaply? The codes a graph is walked and built with.
//
// Smaller is nearer. Every code has the same contract, and the walk is a template over it:
//   distance(query, row bytes)     a user's query or another row, prepared below
//   pair_distance(query, row bytes)  of a stored row: exactly 0 for equal rows
//   search_query(vector, buffer)   prepares a user's query: ranks rows as the metric does
//   row_query(row bytes)           prepares a stored row: a true distance, never negative, as
//                                  pruning by ratios needs; squared L2, or L1 for manhattan
// Dot product: rows get one more coordinate sqrt(M^2 - |x|^2), which turns largest dot product into
// smallest L2 (Bachrach et al. 2014); queries have 0 there.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "distance.hpp"

namespace ruvector {

using Int8Dot = void (*)(const std::int8_t*, const std::int8_t*, std::size_t, std::int32_t*);

void set_int8_dot(Int8Dot kernel);
Int8Dot int8_dot();  // a plain loop until a better one was set

struct CodeQuery {
  const float* values = nullptr;
  const std::int8_t* codes = nullptr;
  float base = 0, scale = 0, term = 0, extra = 0;
  float code_scale = 0;  // of one int8 step
};

double squared_length(const float* vector, std::size_t dim);

// How far a squared distance between int8 codes may be off: six standard deviations, where query
// and row are rounded to multiples of about the same scale.
inline float code_noise(float code_scale, float squared_distance) {
  const float deviation = 0.289F * code_scale;  // of a rounded number: step / sqrt(12)
  return 6 * 2 * 1.414F * deviation * std::sqrt(std::max(squared_distance, 0.0F));
}

// The extra coordinate of the dot product; 0 for rows longer than the limit.
inline float extra_coordinate(double squared_norm, double limit) {
  const double left = limit * limit - squared_norm;
  return left > 0 ? static_cast<float>(std::sqrt(left)) : 0.0F;
}

// int8 with one scale per row: [int8 dim, zero padded | scale, squared norm, extra], 64 B aligned.
// In a node (node.hpp) the three numbers stand in front, the third is the excess of a row that is
// longer than a dot product graph's limit, and all distances are of L2.
class Int8Code {
 public:
  Int8Code(Metric metric, std::size_t dim)
      : metric_(metric),
        dim_(dim),
        trailer_(static_cast<std::ptrdiff_t>((dim + 3) / 4 * 4)),
        dot_(int8_dot()) {}
  static constexpr std::ptrdiff_t kInNode = -12;
  static Int8Code of_nodes(std::size_t padded_dim) {
    Int8Code code(Metric::Euclid, padded_dim);
    code.trailer_ = kInNode;
    return code;
  }

  static std::size_t row_bytes(std::size_t dim) { return ((dim + 3) / 4 * 4 + 12 + 63) / 64 * 64; }
  static std::size_t query_bytes(std::size_t dim) { return row_bytes(dim); }

  float distance(const CodeQuery& query, const std::byte* row) const {
    std::int32_t product;
    dot_(query.codes, reinterpret_cast<const std::int8_t*>(row), dim_, &product);
    float trailer[3];
    std::memcpy(trailer, row + trailer_, sizeof trailer);
    return query.base + query.term * trailer[1] +
           query.scale * trailer[0] * static_cast<float>(product) + query.extra * trailer[2];
  }

  // Between rows. Equal rows are at distance 0, which the sum above misses by some units in the
  // last place of the norm, either way; the pruning rule takes equal rows for different ones then.
  float pair_distance(const CodeQuery& query, const std::byte* row) const {
    return without_noise(query, distance(query, row));
  }
  float without_noise(const CodeQuery& query, float distance) const {
    return distance > kNoise * query.base ? distance : 0.0F;
  }

  CodeQuery search_query(const float* vector, std::byte* buffer) const {
    float trailer[3];
    const double norm = encode_to(vector, 0, buffer, trailer);
    CodeQuery query;
    query.codes = reinterpret_cast<const std::int8_t*>(buffer);
    const bool euclid = metric_ == Metric::Euclid;
    query.base = euclid ? static_cast<float>(norm) : 0.0F;
    query.term = euclid ? 1.0F : 0.0F;
    query.scale = (euclid ? -2.0F : -1.0F) * trailer[0];
    query.code_scale = trailer[0];
    if (is_in_node()) query.extra = -1.0F;
    return query;
  }

  CodeQuery row_query(const std::byte* row) const {
    float trailer[3];
    std::memcpy(trailer, row + trailer_, sizeof trailer);
    CodeQuery query;
    query.codes = reinterpret_cast<const std::int8_t*>(row);
    query.base = trailer[1];
    query.term = 1.0F;
    query.scale = -2.0F * trailer[0];
    if (!is_in_node()) query.extra = -2.0F * trailer[2];
    return query;
  }

  // Of the row with its extra coordinate.
  double squared_norm(const std::byte* row) const {
    float norm;
    std::memcpy(&norm, row + trailer_ + sizeof norm, sizeof norm);
    return norm;
  }

  bool is_in_node() const { return trailer_ < 0; }
  float excess_of(const std::byte* row) const {
    float excess;
    std::memcpy(&excess, row + trailer_ + 2 * sizeof excess, sizeof excess);
    return excess;
  }
  void set_excess(float excess, std::byte* row) const {
    std::memcpy(row + trailer_ + 2 * sizeof excess, &excess, sizeof excess);
  }

  float scale_of(const std::byte* row) const {
    float scale;
    std::memcpy(&scale, row + trailer_, sizeof scale);
    return scale;
  }

  // Writes the row's code; `row` is where its int8 begin.
  void encode(const float* vector, double norm_limit, std::byte* row) const;

 private:
  static constexpr float kNoise = 1e-6F;  // of the squared norm; float32 rounds by 6e-8 of it

  // Returns the squared norm of what the code stands for.
  double encode_to(const float* vector, double norm_limit, std::byte* codes,
                   float (&trailer)[3]) const;

  Metric metric_;
  std::size_t dim_;
  std::ptrdiff_t trailer_;
  Int8Dot dot_;
};

// float32 as it stands; for dot product followed by the extra coordinate.
class FloatCode {
 public:
  FloatCode(Metric metric, std::size_t dim)
      : metric_(metric),
        dim_(dim),
        search_(best_kernel(Element::Float32, search_sum(metric), walk_dim(dim))),
        pair_(best_kernel(Element::Float32, pair_sum(metric), walk_dim(dim))) {}

  static std::size_t row_bytes(Metric metric, std::size_t dim) {
    return (dim + (metric == Metric::Dot ? 1 : 0)) * sizeof(float);
  }

  float distance(const CodeQuery& query, const std::byte* row) const {
    const float sum = query.term != 0 ? pair_(query.values, row, dim_)
                                      : query.scale * search_(query.values, row, dim_);
    if (metric_ != Metric::Dot || query.term == 0) return sum;
    float extra;
    std::memcpy(&extra, row + dim_ * sizeof(float), sizeof extra);
    return sum + (extra - query.extra) * (extra - query.extra);
  }

  float pair_distance(const CodeQuery& query, const std::byte* row) const {
    return distance(query, row);
  }
  float without_noise(const CodeQuery&, float distance) const { return distance; }

  CodeQuery search_query(const float* vector, std::byte*) const {
    CodeQuery query;
    query.values = vector;
    query.scale = higher_is_better(metric_) ? -1.0F : 1.0F;
    return query;
  }

  CodeQuery row_query(const std::byte* row) const {
    CodeQuery query;
    query.values = reinterpret_cast<const float*>(row);
    query.term = 1.0F;
    if (metric_ == Metric::Dot)
      std::memcpy(&query.extra, row + dim_ * sizeof(float), sizeof query.extra);
    return query;
  }

  double squared_norm(const std::byte* row) const {
    const std::size_t length = row_bytes(metric_, dim_) / sizeof(float);
    double sum = 0;
    for (std::size_t i = 0; i < length; ++i) {
      float value;
      std::memcpy(&value, row + i * sizeof value, sizeof value);
      sum += static_cast<double>(value) * value;
    }
    return sum;
  }

  void encode(const float* vector, double norm_limit, std::byte* row) const;

 private:
  static Sum search_sum(Metric metric) {
    if (metric == Metric::Manhattan) return Sum::AbsoluteDifference;
    return metric == Metric::Euclid ? Sum::SquaredDifference : Sum::Product;
  }
  static Sum pair_sum(Metric metric) {
    return metric == Metric::Manhattan ? Sum::AbsoluteDifference : Sum::SquaredDifference;
  }
  // The sequential order of sums matters for final scores only; the walk takes the fast kernels.
  static std::size_t walk_dim(std::size_t dim) { return dim < 8 ? dim : dim + kSequentialBelow; }

  Metric metric_;
  std::size_t dim_;
  Kernel search_;
  Kernel pair_;
};

}  // namespace ruvector
