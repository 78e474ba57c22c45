#include "bit_kernels.hpp"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ruvector {
namespace {

// Lloyd-Max levels of a normal distribution as whole numbers: +-.128, .388, .657, .942, 1.256,
// 1.618, 2.069, 2.733 times 23.05, moved by 64; +-.4528, 1.510 times 6.62, moved by 10 (Max 1960).
// Within 7 bits, so that a product of pairs fits into int16.
constexpr std::uint8_t kFour[16] = {1,  16, 27, 35, 42, 49, 55, 61,
                                    67, 73, 79, 86, 93, 101, 112, 127};
constexpr std::uint8_t kTwo[4] = {0, 7, 13, 20};

constexpr BitShape kShapes[kBitWidths] = {
    {128, 128, 2, nullptr, 0.5F}, {80, 96, 3, nullptr, 1.0F}, {64, 64, 4, kTwo, 10.0F},
    {32, 32, 16, kFour, 64.0F},   {16, 16, 255, nullptr, 127.0F},
};

unsigned level_at(BitWidth width, unsigned byte, std::size_t place) {
  switch (width) {
    case BitWidth::One:
      return byte >> place & 1;
    case BitWidth::OneAndHalf:
      for (; place > 0; --place) byte = byte * 3 & 255;
      return byte * 3 >> 8;
    case BitWidth::Two:
      return byte >> 2 * place & 3;
    default:
      return byte >> 4 * place & 15;
  }
}

template <BitWidth width>
std::int32_t plain_dot(const std::byte* code, const std::int8_t* query, std::size_t blocks) {
  const BitShape& shape = kShapes[static_cast<int>(width)];
  const bool is_number = shape.levels == nullptr;
  std::int32_t sum = 0;
  for (std::size_t block = 0; block < blocks; ++block, query += shape.query_stride) {
    for (std::size_t i = 0; i < shape.block_dims; ++i) {
      const auto byte = static_cast<unsigned>(code[block * kBlockBytes + i % kBlockBytes]);
      const unsigned level = level_at(width, byte, i / kBlockBytes);
      sum += static_cast<std::int32_t>(is_number ? level : shape.levels[level]) * query[i];
    }
  }
  return sum;
}

std::uint32_t plain_difference(const std::uint8_t* a, const std::uint8_t* b, std::size_t count) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
  return sum;
}

constexpr CodeDot kPlain[] = {plain_dot<BitWidth::One>, plain_dot<BitWidth::OneAndHalf>,
                              plain_dot<BitWidth::Two>, plain_dot<BitWidth::Four>};

#if defined(__x86_64__)
#define RUVECTOR_AVX2 __attribute__((target("avx2"))) inline

RUVECTOR_AVX2 __m128i load_block(const std::byte* code) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(code));
}
RUVECTOR_AVX2 __m256i load_query(const std::int8_t* query) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query));
}
RUVECTOR_AVX2 __m256i widened(__m256i pairs) {
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
RUVECTOR_AVX2 std::int32_t sum_of(__m256i lanes) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 1)));
}

__attribute__((target("avx2"))) std::int32_t dot_one(const std::byte* code,
                                                     const std::int8_t* query,
                                                     std::size_t blocks) {
  const __m256i ones = _mm256_set1_epi8(1);
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t block = 0; block < blocks; ++block, query += 128) {
    const __m256i bits = _mm256_broadcastsi128_si256(load_block(code + block * kBlockBytes));
    __m256i wanted = _mm256_set_m128i(_mm_set1_epi8(2), _mm_set1_epi8(1));
    __m256i pairs = _mm256_setzero_si256();  // at most 4 * 254: far from the limit of int16
    for (int step = 0; step < 4; ++step) {
      const __m256i is_set = _mm256_cmpeq_epi8(_mm256_and_si256(bits, wanted), wanted);
      const __m256i chosen = _mm256_and_si256(is_set, load_query(query + 32 * step));
      pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(ones, chosen));
      wanted = _mm256_slli_epi16(wanted, 2);
    }
    sum = _mm256_add_epi32(sum, widened(pairs));
  }
  return sum_of(sum);
}

// Of bytes as fractions of 256: which third each one lies in, as 0, 1 or 2.
RUVECTOR_AVX2 __m256i thirds(__m256i fractions) {
  const __m256i first = _mm256_set1_epi8(86);
  const __m256i second = _mm256_set1_epi8(static_cast<char>(171));
  const __m256i above = _mm256_cmpeq_epi8(_mm256_max_epu8(fractions, first), fractions);
  const __m256i far_above = _mm256_cmpeq_epi8(_mm256_max_epu8(fractions, second), fractions);
  return _mm256_sub_epi8(_mm256_sub_epi8(_mm256_setzero_si256(), above), far_above);
}
RUVECTOR_AVX2 __m256i nine_times(__m256i bytes) {
  const __m256i twice = _mm256_add_epi8(bytes, bytes);
  const __m256i fourfold = _mm256_add_epi8(twice, twice);
  return _mm256_add_epi8(_mm256_add_epi8(fourfold, fourfold), bytes);
}

__attribute__((target("avx2"))) std::int32_t dot_one_and_half(const std::byte* code,
                                                              const std::int8_t* query,
                                                              std::size_t blocks) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t block = 0; block < blocks; ++block, query += 96) {
    const __m128i bytes = load_block(code + block * kBlockBytes);
    const __m128i tripled = _mm_add_epi8(_mm_add_epi8(bytes, bytes), bytes);
    __m256i fractions = _mm256_set_m128i(tripled, bytes);
    __m256i pairs = _mm256_setzero_si256();
    for (int step = 0; step < 3; ++step) {  // two levels a step; the sixth meets zeros
      pairs = _mm256_add_epi16(
          pairs, _mm256_maddubs_epi16(thirds(fractions), load_query(query + 32 * step)));
      fractions = nine_times(fractions);
    }
    sum = _mm256_add_epi32(sum, widened(pairs));
  }
  return sum_of(sum);
}

__attribute__((target("avx2"))) std::int32_t dot_two(const std::byte* code,
                                                     const std::int8_t* query,
                                                     std::size_t blocks) {
  const __m256i mask = _mm256_set1_epi8(3);
  const __m256i levels = _mm256_set1_epi32(kTwo[0] | kTwo[1] << 8 | kTwo[2] << 16 | kTwo[3] << 24);
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t block = 0; block < blocks; ++block, query += 64) {
    const __m128i bytes = load_block(code + block * kBlockBytes);
    const __m256i low = _mm256_set_m128i(_mm_srli_epi16(bytes, 2), bytes);
    const __m256i high = _mm256_srli_epi16(low, 4);
    const __m256i first = _mm256_shuffle_epi8(levels, _mm256_and_si256(low, mask));
    const __m256i second = _mm256_shuffle_epi8(levels, _mm256_and_si256(high, mask));
    const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(first, load_query(query)),
                                           _mm256_maddubs_epi16(second, load_query(query + 32)));
    sum = _mm256_add_epi32(sum, widened(pairs));
  }
  return sum_of(sum);
}

__attribute__((target("avx2"))) std::int32_t dot_four(const std::byte* code,
                                                      const std::int8_t* query,
                                                      std::size_t blocks) {
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i levels = _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(kFour)));
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t block = 0; block < blocks; ++block, query += 32) {
    const __m128i bytes = load_block(code + block * kBlockBytes);
    const __m256i numbers =
        _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes), mask);
    const __m256i chosen = _mm256_shuffle_epi8(levels, numbers);
    sum = _mm256_add_epi32(sum, widened(_mm256_maddubs_epi16(chosen, load_query(query))));
  }
  return sum_of(sum);
}

__attribute__((target("avx2"))) std::uint32_t difference_avx2(const std::uint8_t* a,
                                                              const std::uint8_t* b,
                                                              std::size_t count) {
  __m256i sums = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32)
    sums = _mm256_add_epi64(
        sums, _mm256_sad_epu8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + i)),
                              _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + i))));
  // The upper half of each 64-bit lane is zero: at most 65,536 * 255 in all.
  return static_cast<std::uint32_t>(sum_of(sums)) + plain_difference(a + i, b + i, count - i);
}

constexpr CodeDot kAvx2[] = {dot_one, dot_one_and_half, dot_two, dot_four};

bool has_avx2() {
  static const bool found = __builtin_cpu_supports("avx2");
  return found;
}
#endif

}  // namespace

const BitShape& shape_of(BitWidth width) { return kShapes[static_cast<int>(width)]; }

void pack_levels(BitWidth width, const std::uint8_t* numbers, std::byte* block) {
  const std::size_t places = shape_of(width).block_dims / kBlockBytes;
  for (std::size_t j = 0; j < kBlockBytes; ++j) {
    unsigned byte = 0;
    for (std::size_t place = places; place-- > 0;) {
      const unsigned number = numbers[place * kBlockBytes + j];
      switch (width) {
        case BitWidth::One:
          byte = byte << 1 | number;
          break;
        case BitWidth::Two:
          byte = byte << 2 | number;
          break;
        case BitWidth::Four:
          byte = byte << 4 | number;
          break;
        case BitWidth::Eight:
          byte = number - 127U;  // int8
          break;
        case BitWidth::OneAndHalf:
          break;
      }
    }
    if (width == BitWidth::OneAndHalf) {
      for (std::size_t place = 0; place < places; ++place)
        byte = byte * 3 + numbers[place * kBlockBytes + j];
      byte = (byte * 256 + 242) / 243;  // the next fraction of 256: its five thirds are the levels
    }
    block[j] = static_cast<std::byte>(byte & 255U);
  }
}

CodeDot plain_code_dot(BitWidth width) { return kPlain[static_cast<int>(width)]; }
ByteDifference plain_byte_difference() { return plain_difference; }

CodeDot best_code_dot(BitWidth width) {
#if defined(__x86_64__)
  if (has_avx2()) return kAvx2[static_cast<int>(width)];
#endif
  return plain_code_dot(width);
}

ByteDifference best_byte_difference() {
#if defined(__x86_64__)
  if (has_avx2()) return difference_avx2;
#endif
  return plain_difference;
}

}  // namespace ruvector
