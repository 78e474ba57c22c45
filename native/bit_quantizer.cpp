#include "bit_quantizer.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace ruvector {
namespace {

constexpr std::size_t kSmallestRotation = 64;  // what the library's rotation begins with
constexpr int kFitRounds = 4;  // of rounding and scaling; further ones change nothing
constexpr float kLargestCode = 127.0F;
constexpr float kSmallestScale = 1e-36F;  // its reciprocal is still a number

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

std::size_t padded_dim(std::size_t dim) {
  return std::max(kSmallestRotation, (dim + 31) / 32 * 32);
}

}  // namespace

BitQuantizer::BitQuantizer(Metric metric, std::size_t dim, BitWidth width, QueryWidth query_width,
                           const float* centres, std::size_t count)
    : Quantizer(metric, dim),
      width_(width),
      query_width_(width == BitWidth::Eight ? QueryWidth::Eight : query_width),
      shape_(shape_of(width)),
      padded_(padded_dim(dim)),
      blocks_((padded_ + shape_.block_dims - 1) / shape_.block_dims),
      codes_bytes_(aligned(blocks_ * shape_.query_stride)),
      row_bytes_(padded_row(blocks_ * kBlockBytes + 12)),
      rotation_(padded_, padded_),
      centres_(centres, centres + count * dim),
      rotated_centres_(count * padded_),
      count_(count),
      int8_dot_(int8_dot()) {
  if (metric == Metric::Manhattan)
    throw std::invalid_argument("bits say nothing of manhattan distances");
  if (width_ != BitWidth::Eight) dot_ = best_code_dot(width_);
  for (int i = 0; i < shape_.level_count; ++i)
    values_.push_back(static_cast<float>(shape_.levels ? shape_.levels[i] : i) - shape_.offset);
  for (std::size_t i = 1; shape_.levels && i < values_.size(); ++i)
    middles_.push_back(0.5F * (values_[i - 1] + values_[i]));
  std::vector<float> buffer(padded_);
  for (std::size_t i = 0; i < count; ++i)
    rotate(centres_.data() + i * dim, buffer.data(), rotated_centres_.data() + i * padded_);
}

void BitQuantizer::rotate(const float* vector, float* padded, float* rotated) const {
  std::copy_n(vector, dim(), padded);
  std::fill(padded + dim(), padded + padded_, 0.0F);
  rotation_.apply(padded, rotated);
}

std::size_t BitQuantizer::nearest_centre(const float* vector) const {
  std::size_t best = 0;
  float least = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const float distance = euclid_squared_float(vector, centres_.data() + i * dim(), dim());
    if (i == 0 || distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}

// Rounds to the nearest levels under one scale, and the scale to the levels, in turn.
BitQuantizer::Fit BitQuantizer::fit(const float* residual, std::uint8_t* numbers) const {
  Fit fit;
  float largest = 0;
  for (std::size_t i = 0; i < padded_; ++i) {
    fit.squares += static_cast<double>(residual[i]) * residual[i];
    largest = std::max(largest, std::fabs(residual[i]));
  }
  const int last = shape_.level_count - 1;
  const bool is_uniform = shape_.levels == nullptr;
  const float deviation = static_cast<float>(std::sqrt(fit.squares / static_cast<double>(padded_)));
  // The scale that a normal distribution asks for: see the levels in bit_kernels.cpp.
  static constexpr float kUnit[kBitWidths] = {1.596F, 1.224F, 0.1510F, 0.04338F, 0};
  float scale = width_ == BitWidth::Eight ? largest / kLargestCode
                                          : deviation * kUnit[static_cast<int>(width_)];
  const int rounds = width_ == BitWidth::Eight ? 1 : kFitRounds;
  for (int round = 0; round < rounds; ++round) {
    const float factor = scale > kSmallestScale ? 1.0F / scale : 0.0F;
    double product = 0;
    double level_squares = 0;
    for (std::size_t i = 0; i < padded_; ++i) {
      const float wanted = residual[i] * factor;
      int number;
      if (is_uniform) {
        number = static_cast<int>(
            std::clamp(wanted + shape_.offset + 0.5F, 0.0F, static_cast<float>(last)));
      } else {
        number = 0;
        for (const float middle : middles_) number += wanted > middle;
      }
      numbers[i] = static_cast<std::uint8_t>(number);
      product += static_cast<double>(residual[i]) * values_[number];
      level_squares += static_cast<double>(values_[number]) * values_[number];
    }
    fit.product = product;
    if (level_squares == 0) break;
    scale = static_cast<float>(product / level_squares);
  }
  return fit;
}

std::size_t BitQuantizer::scratch_bytes() const {
  return 2 * padded_ * sizeof(float) + blocks_ * shape_.block_dims;
}

void BitQuantizer::encode(const float* vector, std::byte* scratch, std::byte* row) const {
  auto* buffer = reinterpret_cast<float*>(scratch);
  float* residual = buffer + padded_;
  auto* numbers = reinterpret_cast<std::uint8_t*>(residual + padded_);
  const std::size_t centre = nearest_centre(vector);
  const float* rotated_centre = rotated_centres_.data() + centre * padded_;
  rotate(vector, buffer, residual);
  for (std::size_t i = 0; i < padded_; ++i) residual[i] -= rotated_centre[i];
  std::fill_n(numbers, blocks_ * shape_.block_dims, std::uint8_t{0});
  const Fit found = fit(residual, numbers);
  const double ratio = found.product > 0 ? found.squares / found.product : 0;
  double level_centre = 0;
  double residual_centre = 0;
  for (std::size_t i = 0; i < padded_; ++i) {
    level_centre += static_cast<double>(values_[numbers[i]]) * rotated_centre[i];
    residual_centre += static_cast<double>(residual[i]) * rotated_centre[i];
  }
  std::memset(row, 0, row_bytes_);
  for (std::size_t block = 0; block < blocks_; ++block)
    pack_levels(width_, numbers + block * shape_.block_dims, row + block * kBlockBytes);
  const bool is_euclid = metric() == Metric::Euclid;
  const float factors[2] = {
      static_cast<float>(is_euclid ? found.squares + 2 * ratio * level_centre
                                   : ratio * level_centre - residual_centre),
      static_cast<float>((is_euclid ? -2 : -1) * ratio)};
  const auto number = static_cast<std::uint32_t>(centre);
  std::memcpy(row + blocks_ * kBlockBytes, factors, sizeof factors);
  std::memcpy(row + blocks_ * kBlockBytes + sizeof factors, &number, sizeof number);
}

std::size_t BitQuantizer::query_bytes() const {
  return codes_bytes_ + aligned(count_ * sizeof(float)) + scratch_bytes();
}

// Returns the scale of the codes; they stand in the order of the dimensions.
float BitQuantizer::round_query(const float* rotated, std::uint8_t* numbers,
                                std::int8_t* codes) const {
  if (query_width_ == QueryWidth::Same) {
    const Fit found = fit(rotated, numbers);
    // Levels are whole numbers but for one bit, where they are +-1/2.
    const float unit = width_ == BitWidth::One ? 2.0F : 1.0F;
    for (std::size_t i = 0; i < padded_; ++i)
      codes[i] = static_cast<std::int8_t>(values_[numbers[i]] * unit);
    return found.product > 0 ? static_cast<float>(found.squares / found.product / unit) : 0.0F;
  }
  const float limit = query_width_ == QueryWidth::Four ? 7.0F : kLargestCode;
  float largest = 0;
  for (std::size_t i = 0; i < padded_; ++i) largest = std::max(largest, std::fabs(rotated[i]));
  const float scale = largest / limit;
  const float factor = scale > kSmallestScale ? 1.0F / scale : 0.0F;
  for (std::size_t i = 0; i < padded_; ++i)
    codes[i] = static_cast<std::int8_t>(
        std::clamp(std::nearbyint(rotated[i] * factor), -limit, limit));
  return scale;
}

QuantizedQuery BitQuantizer::prepare(const float* vector, std::byte* buffer) const {
  auto* codes = reinterpret_cast<std::int8_t*>(buffer);
  auto* table = reinterpret_cast<float*>(buffer + codes_bytes_);
  auto* padded = reinterpret_cast<float*>(buffer + codes_bytes_ + aligned(count_ * sizeof(float)));
  float* rotated = padded + padded_;
  auto* numbers = reinterpret_cast<std::uint8_t*>(rotated + padded_);
  rotate(vector, padded, rotated);
  // `padded` is free again: the codes are made there and then put into the order of the blocks.
  auto* ordered = reinterpret_cast<std::int8_t*>(padded);
  QuantizedQuery query;
  query.scale = round_query(rotated, numbers, ordered);
  std::memset(codes, 0, codes_bytes_);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < padded_; ++i) {
    codes[i / shape_.block_dims * shape_.query_stride + i % shape_.block_dims] = ordered[i];
    sum += ordered[i];
  }
  // Eight bits are stored as int8 without an offset.
  query.shift = width_ == BitWidth::Eight ? 0.0F : shape_.offset * static_cast<float>(sum);
  const bool is_euclid = metric() == Metric::Euclid;
  for (std::size_t i = 0; i < count_; ++i) {
    const float* centre = centres_.data() + i * dim();
    table[i] = is_euclid ? euclid_squared_float(vector, centre, dim())
                         : -dot_float(vector, centre, dim());
  }
  query.codes = codes;
  query.table = table;
  return query;
}

float BitQuantizer::distance(const QuantizedQuery& query, const std::byte* row) const {
  std::int32_t product;
  if (width_ == BitWidth::Eight)
    int8_dot_(query.codes, reinterpret_cast<const std::int8_t*>(row), blocks_ * kBlockBytes,
              &product);
  else
    product = dot_(row, query.codes, blocks_);
  const std::byte* trailer = row + blocks_ * kBlockBytes;
  float factors[2];
  std::uint32_t centre;
  std::memcpy(factors, trailer, sizeof factors);
  std::memcpy(&centre, trailer + sizeof factors, sizeof centre);
  // An altered code may name a centre that does not exist.
  const float base = query.table[centre < count_ ? centre : 0];
  return base + factors[0] +
         factors[1] * query.scale * (static_cast<float>(product) - query.shift);
}

}  // namespace ruvector
