#include "codes.hpp"

#include <atomic>

namespace ruvector {
namespace {

void plain_int8_dot(const std::int8_t* a, const std::int8_t* b, std::size_t dim,
                    std::int32_t* out) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < dim; ++i) sum += std::int32_t{a[i]} * b[i];
  *out = sum;
}

std::atomic<Int8Dot> chosen{plain_int8_dot};

}  // namespace

void set_int8_dot(Int8Dot kernel) { chosen.store(kernel == nullptr ? plain_int8_dot : kernel); }
Int8Dot int8_dot() { return chosen.load(); }

double Int8Code::encode(const float* vector, double norm_limit, std::byte* row) const {
  std::memset(row, 0, row_bytes(dim_));
  float largest = 0;
  double squares = 0;
  for (std::size_t i = 0; i < dim_; ++i) {
    const float size = std::fabs(vector[i]);
    if (size > largest) largest = size;
    squares += static_cast<double>(vector[i]) * vector[i];
  }
  float trailer[3] = {largest / 127.0F, 0, 0};
  std::int64_t code_squares = 0;
  if (trailer[0] > 0) {
    const float factor = 1.0F / trailer[0];
    for (std::size_t i = 0; i < dim_; ++i) {
      float scaled = std::nearbyint(vector[i] * factor);
      // The reciprocal of a tiny scale is infinite; such a row keeps its signs.
      if (!(scaled <= 127.0F)) scaled = 127.0F;
      if (!(scaled >= -127.0F)) scaled = -127.0F;
      const auto code = static_cast<std::int8_t>(scaled);
      row[i] = static_cast<std::byte>(code);
      code_squares += std::int32_t{code} * code;
    }
  }
  const double norm =
      static_cast<double>(trailer[0]) * trailer[0] * static_cast<double>(code_squares);
  if (metric_ == Metric::Dot) trailer[2] = extra_coordinate(squares, norm_limit);
  trailer[1] = static_cast<float>(norm + static_cast<double>(trailer[2]) * trailer[2]);
  std::memcpy(row + trailer_, trailer, sizeof trailer);
  return norm;
}

void FloatCode::encode(const float* vector, double norm_limit, std::byte* row) const {
  std::memcpy(row, vector, dim_ * sizeof(float));
  if (metric_ != Metric::Dot) return;
  double squares = 0;
  for (std::size_t i = 0; i < dim_; ++i) squares += static_cast<double>(vector[i]) * vector[i];
  const float extra = extra_coordinate(squares, norm_limit);
  std::memcpy(row + dim_ * sizeof(float), &extra, sizeof extra);
}

}  // namespace ruvector
