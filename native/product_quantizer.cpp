#include "product_quantizer.hpp"

#include <algorithm>
#include <cstring>

namespace ruvector {
namespace {

constexpr std::size_t kCentres = ProductQuantizer::kCentres;

// The compiler makes a second copy for AVX2, and the loader takes the one that fits; it does so
// before a sanitizer is ready.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define RUVECTOR_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define RUVECTOR_WIDE
#endif

// Squared distances from one point to 256 centres, stored one coordinate after the other.
RUVECTOR_WIDE void squared_distances(const float* point, const float* centres, std::size_t width,
                                     float* out) {
  for (std::size_t c = 0; c < kCentres; ++c) out[c] = 0;
  for (std::size_t i = 0; i < width; ++i, centres += kCentres) {
    const float value = point[i];
    for (std::size_t c = 0; c < kCentres; ++c) {
      const float difference = value - centres[c];
      out[c] += difference * difference;
    }
  }
}

RUVECTOR_WIDE void negative_products(const float* point, const float* centres, std::size_t width,
                                     float* out) {
  for (std::size_t c = 0; c < kCentres; ++c) out[c] = 0;
  for (std::size_t i = 0; i < width; ++i, centres += kCentres) {
    const float value = point[i];
    for (std::size_t c = 0; c < kCentres; ++c) out[c] -= value * centres[c];
  }
}

RUVECTOR_WIDE void absolute_distances(const float* point, const float* centres, std::size_t width,
                                      float* out) {
  for (std::size_t c = 0; c < kCentres; ++c) out[c] = 0;
  for (std::size_t i = 0; i < width; ++i, centres += kCentres) {
    const float value = point[i];
    for (std::size_t c = 0; c < kCentres; ++c) out[c] += std::fabs(value - centres[c]);
  }
}

std::size_t nearest(const float* distances) {
  return static_cast<std::size_t>(std::min_element(distances, distances + kCentres) - distances);
}

}  // namespace

ProductQuantizer::ProductQuantizer(Metric metric, std::size_t dim, std::size_t width,
                                   const float* centres)
    : Quantizer(metric, dim),
      width_(width),
      parts_((dim + width - 1) / width),
      row_bytes_(padded_row(parts_)),
      centres_(parts_ * kCentres * width) {
  for (std::size_t part = 0; part < parts_; ++part)
    for (std::size_t c = 0; c < kCentres; ++c)
      for (std::size_t i = 0; i < width; ++i)
        centres_[(part * width + i) * kCentres + c] = centres[(part * kCentres + c) * width + i];
}

const float* ProductQuantizer::padded(const float* vector, float* buffer) const {
  if (dim() == parts_ * width_) return vector;
  std::copy_n(vector, dim(), buffer);
  std::fill(buffer + dim(), buffer + parts_ * width_, 0.0F);
  return buffer;
}

void ProductQuantizer::encode(const float* vector, std::byte* scratch, std::byte* row) const {
  auto* distances = reinterpret_cast<float*>(scratch);
  const float* values = padded(vector, distances + kCentres);
  std::memset(row, 0, row_bytes_);
  for (std::size_t part = 0; part < parts_; ++part) {
    const std::size_t first = part * width_;
    squared_distances(values + first, centres_.data() + first * kCentres, width_, distances);
    row[part] = static_cast<std::byte>(nearest(distances));
  }
}

QuantizedQuery ProductQuantizer::prepare(const float* vector, std::byte* buffer) const {
  auto* table = reinterpret_cast<float*>(buffer);
  const float* values = padded(vector, table + parts_ * kCentres);
  const auto fill = higher_is_better(metric())         ? negative_products
                    : metric() == Metric::Manhattan ? absolute_distances
                                                    : squared_distances;
  for (std::size_t part = 0; part < parts_; ++part)
    fill(values + part * width_, centres_.data() + part * width_ * kCentres, width_,
         table + part * kCentres);
  QuantizedQuery query;
  query.table = table;
  return query;
}

float ProductQuantizer::distance(const QuantizedQuery& query, const std::byte* row) const {
  float sums[4] = {0, 0, 0, 0};  // four chains of additions at a time
  const float* table = query.table;
  std::size_t part = 0;
  for (; part + 4 <= parts_; part += 4, table += 4 * kCentres)
    for (std::size_t i = 0; i < 4; ++i)
      sums[i] += table[i * kCentres + static_cast<std::size_t>(row[part + i])];
  for (; part < parts_; ++part, table += kCentres)
    sums[0] += table[static_cast<std::size_t>(row[part])];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void train_part(const float* points, std::size_t rows, std::size_t width, int rounds,
                float* centres) {
  std::vector<float> turned(width * kCentres);  // [width, 256]
  for (std::size_t c = 0; c < kCentres; ++c)
    for (std::size_t i = 0; i < width; ++i)
      turned[i * kCentres + c] = rows == 0 ? 0.0F : points[c * rows / kCentres * width + i];
  std::vector<double> sums(width * kCentres);
  std::vector<std::size_t> members(kCentres);
  float distances[kCentres];
  for (int round = 0; round < rounds; ++round) {
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(members.begin(), members.end(), std::size_t{0});
    for (std::size_t row = 0; row < rows; ++row) {
      squared_distances(points + row * width, turned.data(), width, distances);
      const std::size_t c = nearest(distances);
      ++members[c];
      for (std::size_t i = 0; i < width; ++i) sums[i * kCentres + c] += points[row * width + i];
    }
    for (std::size_t c = 0; c < kCentres; ++c)
      for (std::size_t i = 0; i < width && members[c] > 0; ++i)
        turned[i * kCentres + c] =
            static_cast<float>(sums[i * kCentres + c] / static_cast<double>(members[c]));
  }
  for (std::size_t c = 0; c < kCentres; ++c)
    for (std::size_t i = 0; i < width; ++i) centres[c * width + i] = turned[i * kCentres + c];
}

}  // namespace ruvector
