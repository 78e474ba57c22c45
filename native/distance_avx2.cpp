// Our own AVX2 loops for what the libraries lack: manhattan, and float queries over float16 or
// uint8 rows. Only these functions are compiled for AVX2; the caller asks the CPU before taking
// them.
#include "distance.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#define RUVECTOR_AVX2 __attribute__((target("avx2,fma,f16c")))

namespace ruvector {
namespace {

RUVECTOR_AVX2 inline __m256 load(const float* p) { return _mm256_loadu_ps(p); }
RUVECTOR_AVX2 inline __m256 load(const std::uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
RUVECTOR_AVX2 inline __m256 load(const std::uint8_t* p) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
RUVECTOR_AVX2 inline float load_one(const float* p) { return *p; }
RUVECTOR_AVX2 inline float load_one(const std::uint16_t* p) { return _cvtsh_ss(*p); }
RUVECTOR_AVX2 inline float load_one(const std::uint8_t* p) { return static_cast<float>(*p); }

template <Sum kSum>
RUVECTOR_AVX2 inline __m256 accumulate(__m256 sum, __m256 a, __m256 b) {
  if constexpr (kSum == Sum::Product) {
    return _mm256_fmadd_ps(a, b, sum);
  } else {
    const __m256 difference = _mm256_sub_ps(a, b);
    if constexpr (kSum == Sum::SquaredDifference) {
      return _mm256_fmadd_ps(difference, difference, sum);
    } else {
      return _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0F), difference));
    }
  }
}

template <class T, Sum kSum>
RUVECTOR_AVX2 float loop(const float* query, const void* row, std::size_t dim) {
  const T* values = static_cast<const T*>(row);
  // Four sums hide the latency of one addition.
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 32 <= dim; i += 32) {
    s0 = accumulate<kSum>(s0, load(query + i), load(values + i));
    s1 = accumulate<kSum>(s1, load(query + i + 8), load(values + i + 8));
    s2 = accumulate<kSum>(s2, load(query + i + 16), load(values + i + 16));
    s3 = accumulate<kSum>(s3, load(query + i + 24), load(values + i + 24));
  }
  for (; i + 8 <= dim; i += 8) s0 = accumulate<kSum>(s0, load(query + i), load(values + i));
  const __m256 all = _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3));
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  half = _mm_add_ss(half, _mm_shuffle_ps(half, half, 1));
  float sum = _mm_cvtss_f32(half);
  for (; i < dim; ++i) {
    const float value = load_one(values + i);
    const float difference = query[i] - value;
    if constexpr (kSum == Sum::Product) sum += query[i] * value;
    if constexpr (kSum == Sum::SquaredDifference) sum += difference * difference;
    if constexpr (kSum == Sum::AbsoluteDifference) sum += difference < 0 ? -difference : difference;
  }
  return sum;
}

template <class T>
Kernel pick(Sum sum) {
  if (sum == Sum::Product) return loop<T, Sum::Product>;
  if (sum == Sum::SquaredDifference) return loop<T, Sum::SquaredDifference>;
  return loop<T, Sum::AbsoluteDifference>;
}

}  // namespace

Kernel vector_kernel(Element element, Sum sum) {
  static const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                                __builtin_cpu_supports("f16c");
  if (!supported) return nullptr;
  if (element == Element::Float32) return pick<float>(sum);
  if (element == Element::Float16) return pick<std::uint16_t>(sum);
  return pick<std::uint8_t>(sum);
}

}  // namespace ruvector
#else
namespace ruvector {
Kernel vector_kernel(Element, Sum) { return nullptr; }
}  // namespace ruvector
#endif
