// The two loops of a sparse search that touch every row of a block: plain, and with AVX2.
#include "sparse_index.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <bit>
#endif

namespace ruvector {
namespace {

void plain_add_codes(float* sums, const std::int8_t* codes, float factor, std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) sums[i] += factor * static_cast<float>(codes[i]);
}

std::size_t plain_find_above(const float* sums, float floor, std::size_t rows,
                             std::uint32_t* found) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < rows; ++i)
    if (sums[i] >= floor) found[count++] = static_cast<std::uint32_t>(i);
  return count;
}

#if defined(__x86_64__)
#define RUVECTOR_AVX2 __attribute__((target("avx2,fma")))

RUVECTOR_AVX2 void add_codes(float* sums, const std::int8_t* codes, float factor,
                             std::size_t rows) {
  const __m256 factors = _mm256_set1_ps(factor);
  for (std::size_t i = 0; i + 32 <= rows; i += 32) {
    for (std::size_t j = i; j < i + 32; j += 8) {
      const __m256i wide =
          _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + j)));
      const __m256 sum = _mm256_loadu_ps(sums + j);
      _mm256_storeu_ps(sums + j, _mm256_fmadd_ps(factors, _mm256_cvtepi32_ps(wide), sum));
    }
  }
}

RUVECTOR_AVX2 std::size_t find_above(const float* sums, float floor, std::size_t rows,
                                     std::uint32_t* found) {
  const __m256 floors = _mm256_set1_ps(floor);
  std::size_t count = 0, i = 0;
  for (; i + 32 <= rows; i += 32) {
    const __m256 a = _mm256_cmp_ps(_mm256_loadu_ps(sums + i), floors, _CMP_GE_OQ);
    const __m256 b = _mm256_cmp_ps(_mm256_loadu_ps(sums + i + 8), floors, _CMP_GE_OQ);
    const __m256 c = _mm256_cmp_ps(_mm256_loadu_ps(sums + i + 16), floors, _CMP_GE_OQ);
    const __m256 d = _mm256_cmp_ps(_mm256_loadu_ps(sums + i + 24), floors, _CMP_GE_OQ);
    const __m256 any = _mm256_or_ps(_mm256_or_ps(a, b), _mm256_or_ps(c, d));
    if (_mm256_testz_ps(any, any)) continue;
    std::uint32_t bits = static_cast<std::uint32_t>(_mm256_movemask_ps(a)) |
                         static_cast<std::uint32_t>(_mm256_movemask_ps(b)) << 8 |
                         static_cast<std::uint32_t>(_mm256_movemask_ps(c)) << 16 |
                         static_cast<std::uint32_t>(_mm256_movemask_ps(d)) << 24;
    for (; bits != 0; bits &= bits - 1)
      found[count++] =
          static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(std::countr_zero(bits));
  }
  for (; i < rows; ++i)
    if (sums[i] >= floor) found[count++] = static_cast<std::uint32_t>(i);
  return count;
}
#endif

}  // namespace

const SparseLoops& plain_sparse_loops() {
  static const SparseLoops loops{plain_add_codes, plain_find_above};
  return loops;
}

const SparseLoops& sparse_loops() {
#if defined(__x86_64__)
  static const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const SparseLoops loops{add_codes, find_above};
  if (supported) return loops;
#endif
  return plain_sparse_loops();
}

}  // namespace ruvector
