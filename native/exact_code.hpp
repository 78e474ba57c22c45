// What if rows are compared as they are? The originals as a code of their own, for searches that
// leave the compact codes aside.
#pragma once

#include "quantizer.hpp"

namespace ruvector {

class ExactCode final : public Quantizer {
 public:
  ExactCode(Metric metric, Element element, std::size_t dim)
      : Quantizer(metric, dim), scorer_(metric, element, dim) {}

  std::size_t row_bytes() const override { return scorer_.row_bytes(); }
  std::size_t query_bytes() const override { return 0; }
  std::size_t scratch_bytes() const override { return 0; }
  void encode(const float*, std::byte*, std::byte*) const override {}
  // The vector itself must live as long as the query.
  QuantizedQuery prepare(const float* vector, std::byte*) const override {
    QuantizedQuery query;
    query.table = vector;
    query.base = scorer_.query_norm(vector);
    return query;
  }
  float distance(const QuantizedQuery& query, const std::byte* row) const override {
    const float score = scorer_.score(query.table, query.base, row);
    return higher_is_better(metric()) ? -score : score;
  }
  float score(float distance) const override {
    return higher_is_better(metric()) ? 0.0F - distance : distance;
  }

 private:
  Scorer scorer_;
};

}  // namespace ruvector
