#include "codes.hpp"

#include <atomic>
#include <bit>

namespace ruvector {
namespace {

void plain_int8_dot(const std::int8_t* a, const std::int8_t* b, std::size_t dim,
                    std::int32_t* out) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < dim; ++i) sum += std::int32_t{a[i]} * b[i];
  *out = sum;
}

std::atomic<Int8Dot> chosen{plain_int8_dot};

// The loops below are written so that compilers use vectors for them.
[[gnu::always_inline]] inline float largest_size(const float* vector, std::size_t dim) {
  std::int32_t largest = 0;  // the bits of a positive float are ordered as it is
  for (std::size_t i = 0; i < dim; ++i) {
    const std::int32_t size = std::bit_cast<std::int32_t>(vector[i]) & 0x7FFFFFFF;
    largest = size > largest ? size : largest;
  }
  return std::bit_cast<float>(largest);
}

// Writes vector * factor, rounded to even, and returns the sum of squares. |vector * factor| is at
// most 127 or rounds to it. Without bounds on each number, for which compilers would branch.
[[gnu::always_inline]] inline std::int64_t round_to_int8(const float* vector, float factor,
                                                         std::size_t dim, std::int8_t* out) {
  constexpr float kNoPlaces = 12582912.0F;  // 1.5 * 2^23 leaves no places after the point
  std::int64_t total = 0;
  for (std::size_t start = 0; start < dim; start += 4096) {
    const std::size_t stop = start + 4096 < dim ? start + 4096 : dim;
    std::int32_t squares = 0;  // 4096 * 127^2 fit
    for (std::size_t i = start; i < stop; ++i) {
      const float rounded = (vector[i] * factor + kNoPlaces) - kNoPlaces;
      const auto code = static_cast<std::int16_t>(static_cast<std::int32_t>(rounded));
      out[i] = static_cast<std::int8_t>(code);
      squares += std::int32_t{code} * code;
    }
    total += squares;
  }
  return total;
}

// Where numbers are so small or large that there is no factor, the row keeps its signs.
std::int64_t round_to_signs(const float* vector, std::size_t dim, std::int8_t* out) {
  for (std::size_t i = 0; i < dim; ++i) out[i] = vector[i] < 0 ? -127 : 127;
  return static_cast<std::int64_t>(dim) * 127 * 127;
}

struct Rounded {
  float scale;
  std::int64_t squares;
};

[[gnu::always_inline]] inline Rounded round_row(const float* vector, std::size_t dim,
                                                std::int8_t* out) {
  const float scale = largest_size(vector, dim) / 127.0F;
  const float factor = scale > 0 ? 1.0F / scale : 0.0F;
  if (!std::isfinite(scale) || !std::isfinite(factor))
    return {scale, round_to_signs(vector, dim, out)};
  return {scale, round_to_int8(vector, factor, dim, out)};
}

Rounded plain_round(const float* vector, std::size_t dim, std::int8_t* out) {
  return round_row(vector, dim, out);
}

#if defined(__x86_64__)
// The same operations, eight at once: bit for bit the same codes.
__attribute__((target("avx2"))) Rounded wide_round(const float* vector, std::size_t dim,
                                                   std::int8_t* out) {
  return round_row(vector, dim, out);
}
const auto best_round = __builtin_cpu_supports("avx2") ? wide_round : plain_round;
#else
const auto best_round = plain_round;
#endif

}  // namespace

double squared_length(const float* vector, std::size_t dim) {
  // Eight sums do not wait for each other's additions.
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= dim; i += 8)
    for (std::size_t j = 0; j < 8; ++j)
      sums[j] += static_cast<double>(vector[i + j]) * vector[i + j];
  for (; i < dim; ++i) sums[0] += static_cast<double>(vector[i]) * vector[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

void set_int8_dot(Int8Dot kernel) { chosen.store(kernel == nullptr ? plain_int8_dot : kernel); }
Int8Dot int8_dot() { return chosen.load(); }

void Int8Code::encode(const float* vector, double norm_limit, std::byte* row) const {
  if (trailer_ > 0) std::memset(row, 0, row_bytes(dim_));
  float trailer[3];
  encode_to(vector, norm_limit, row, trailer);
  std::memcpy(row + trailer_, trailer, sizeof trailer);
}

double Int8Code::encode_to(const float* vector, double norm_limit, std::byte* codes,
                           float (&trailer)[3]) const {
  const auto [scale, code_squares] =
      best_round(vector, dim_, reinterpret_cast<std::int8_t*>(codes));
  trailer[0] = scale;
  trailer[2] = metric_ == Metric::Dot
                   ? extra_coordinate(squared_length(vector, dim_), norm_limit)
                   : 0.0F;
  const double norm =
      static_cast<double>(trailer[0]) * trailer[0] * static_cast<double>(code_squares);
  trailer[1] = static_cast<float>(norm + static_cast<double>(trailer[2]) * trailer[2]);
  return norm;
}

void FloatCode::encode(const float* vector, double norm_limit, std::byte* row) const {
  std::memcpy(row, vector, dim_ * sizeof(float));
  if (metric_ != Metric::Dot) return;
  const float extra = extra_coordinate(squared_length(vector, dim_), norm_limit);
  std::memcpy(row + dim_ * sizeof(float), &extra, sizeof extra);
}

}  // namespace ruvector
