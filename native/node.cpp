#include "node.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ruvector {
namespace {

struct Sums {
  float squares = 0;   // |r|^2
  float sizes = 0;     // sum of |r_i|
  float projected = 0; // sum of u_i * sign(r_i)
};

// Where the codes of a lane stand: of each group of 32 bytes (8 dimensions), byte `upper` holds the
// signs of the first four dimensions and byte `upper + 16` those of the last four, in one half of
// the byte. This is rabitqlib's packing (fastscan/pack_codes.hpp).
struct LanePlace {
  explicit LanePlace(std::size_t lane) {
    const std::size_t m = lane % 16;
    upper = m < 8 ? 2 * m : 2 * (m - 8) + 1;
    shift = lane < 16 ? 0 : 4;
  }
  void put(std::byte* group, unsigned signs) const {
    put_half(group[upper], signs >> 4);
    put_half(group[upper + 16], signs & 15);
  }
  void put_half(std::byte& byte, unsigned half) const {
    const auto kept = static_cast<std::byte>(0xF0 >> shift);
    byte = (byte & kept) | static_cast<std::byte>(half << shift);
  }
  std::size_t upper;
  unsigned shift;
};

// The signs of eight dimensions, the first one in the highest bit.
Sums code_plain(const ScaledVector& u, const ScaledVector& v, std::size_t dim,
                const LanePlace& place, std::byte* codes) {
  Sums sums;
  for (std::size_t i = 0; i < dim; i += 8) {
    unsigned signs = 0;
    for (std::size_t j = i; j < i + 8; ++j) {
      const float from = u.scale * static_cast<float>(u.codes[j]);
      const float r = v.scale * static_cast<float>(v.codes[j]) - from;
      const bool positive = r > 0;
      signs = signs << 1 | (positive ? 1U : 0U);
      sums.squares += r * r;
      sums.sizes += std::fabs(r);
      sums.projected += positive ? from : -from;
    }
    place.put(codes + i * 4, signs);
  }
  return sums;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float sum_of(__m256 values) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

// Eight int8 as floats, the last one first, so that movemask gives the first the highest bit.
__attribute__((target("avx2,fma"))) inline __m256 load_reversed(const std::int8_t* codes) {
  const __m128i order = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7);
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_shuffle_epi8(bytes, order)));
}

__attribute__((target("avx2,fma"))) Sums code_avx2(const ScaledVector& u, const ScaledVector& v,
                                                   std::size_t dim, const LanePlace& place,
                                                   std::byte* codes) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  const __m256 u_scale = _mm256_set1_ps(u.scale);
  const __m256 v_scale = _mm256_set1_ps(v.scale);
  __m256 squares = _mm256_setzero_ps();
  __m256 sizes = squares;
  __m256 projected = squares;
  for (std::size_t i = 0; i < dim; i += 8) {
    const __m256 from = _mm256_mul_ps(u_scale, load_reversed(u.codes + i));
    const __m256 r = _mm256_fmsub_ps(v_scale, load_reversed(v.codes + i), from);
    const __m256 positive = _mm256_cmp_ps(r, _mm256_setzero_ps(), _CMP_GT_OQ);
    place.put(codes + i * 4, static_cast<unsigned>(_mm256_movemask_ps(positive)));
    squares = _mm256_fmadd_ps(r, r, squares);
    sizes = _mm256_add_ps(sizes, _mm256_andnot_ps(sign, r));
    projected = _mm256_add_ps(projected, _mm256_xor_ps(from, _mm256_andnot_ps(positive, sign)));
  }
  return {sum_of(squares), sum_of(sizes), sum_of(projected)};
}

bool has_avx2() {
  static const bool found = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return found;
}
#endif

void write_factors(std::size_t dim, std::size_t lane, float add, float rescale, std::byte* block) {
  std::byte* factors = block + dim * 4;
  std::memcpy(factors + lane * sizeof add, &add, sizeof add);
  std::memcpy(factors + (kLanes + lane) * sizeof rescale, &rescale, sizeof rescale);
}

}  // namespace

NodeLayout::NodeLayout(std::size_t padded_dim, std::size_t links_per_node)
    : dim(padded_dim),
      lanes((links_per_node + kLanes - 1) / kLanes * kLanes),
      block_bytes(padded_dim * 4 + 2 * kLanes * sizeof(float)),
      header_at(lanes * sizeof(std::uint32_t) + lanes / kLanes * block_bytes),
      vector_at(header_at + 16),
      bytes((vector_at + padded_dim + 63) / 64 * 64) {}

void write_lane(const ScaledVector& row, const ScaledVector& neighbour, float excess,
                std::size_t dim, std::size_t lane, std::byte* block) {
  const LanePlace place(lane);
#if defined(__x86_64__)
  const Sums sums = has_avx2() ? code_avx2(row, neighbour, dim, place, block)
                               : code_plain(row, neighbour, dim, place, block);
#else
  const Sums sums = code_plain(row, neighbour, dim, place, block);
#endif
  // <r, x> is half the sum of |r_i|; equal vectors have r = 0 and are where the row is.
  const float ratio = sums.sizes > 0 ? 2 * sums.squares / sums.sizes : 0.0F;
  write_factors(dim, lane, sums.squares + ratio * sums.projected - excess, -2 * ratio, block);
}

void clear_lane(std::size_t dim, std::size_t lane, std::byte* block) {
  write_factors(dim, lane, std::numeric_limits<float>::infinity(), 0.0F, block);
}

}  // namespace ruvector
