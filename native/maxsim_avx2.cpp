// MaxSim's loops with AVX2: four vectors of the query against two of the row at once, so that each
// load serves several products.
#include "maxsim.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#define RUVECTOR_AVX2 __attribute__((target("avx2,fma,f16c")))

namespace ruvector {
namespace {

RUVECTOR_AVX2 inline float total(__m256 sums) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

template <int kQueries, int kVectors>
RUVECTOR_AVX2 inline void block(const float* query, const float* vectors, std::size_t dim,
                                float* best) {
  __m256 sums[kQueries][kVectors];
  for (auto& row : sums)
    for (auto& sum : row) sum = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    __m256 values[kVectors];
    for (int v = 0; v < kVectors; ++v)
      values[v] = _mm256_loadu_ps(vectors + static_cast<std::size_t>(v) * dim + i);
    for (int q = 0; q < kQueries; ++q) {
      const __m256 wanted = _mm256_loadu_ps(query + static_cast<std::size_t>(q) * dim + i);
      for (int v = 0; v < kVectors; ++v)
        sums[q][v] = _mm256_fmadd_ps(wanted, values[v], sums[q][v]);
    }
  }
  for (int q = 0; q < kQueries; ++q) {
    for (int v = 0; v < kVectors; ++v) {
      float sum = total(sums[q][v]);
      for (std::size_t j = i; j < dim; ++j)
        sum += query[static_cast<std::size_t>(q) * dim + j] *
               vectors[static_cast<std::size_t>(v) * dim + j];
      if (sum > best[q]) best[q] = sum;
    }
  }
}

template <int kQueries>
RUVECTOR_AVX2 inline void stripe(const float* query, const float* vectors,
                                 std::size_t vector_count, std::size_t dim, float* best) {
  std::size_t v = 0;
  for (; v + 2 <= vector_count; v += 2) block<kQueries, 2>(query, vectors + v * dim, dim, best);
  if (v < vector_count) block<kQueries, 1>(query, vectors + v * dim, dim, best);
}

RUVECTOR_AVX2 void best_products(const float* query, std::size_t count, const float* vectors,
                                 std::size_t vector_count, std::size_t dim, float* best) {
  std::size_t q = 0;
  for (; q + 4 <= count; q += 4) stripe<4>(query + q * dim, vectors, vector_count, dim, best + q);
  for (; q < count; ++q) stripe<1>(query + q * dim, vectors, vector_count, dim, best + q);
}

RUVECTOR_AVX2 void to_floats(const void* values, Element element, std::size_t count, float* out) {
  std::size_t i = 0;
  if (element == Element::Float16) {
    const auto* halves = static_cast<const std::uint16_t*>(values);
    for (; i + 8 <= count; i += 8)
      _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(
                                    reinterpret_cast<const __m128i*>(halves + i))));
    for (; i < count; ++i) out[i] = half_to_float(halves[i]);
    return;
  }
  const auto* bytes = static_cast<const std::uint8_t*>(values);
  for (; i < count; ++i) out[i] = static_cast<float>(bytes[i]);
}

}  // namespace

const MultiLoops* multi_loops() {
  static const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                                __builtin_cpu_supports("f16c");
  static const MultiLoops loops{best_products, to_floats};
  return supported ? &loops : nullptr;
}

}  // namespace ruvector
#else
namespace ruvector {
const MultiLoops* multi_loops() { return nullptr; }
}  // namespace ruvector
#endif
