#include "json_floats.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace ruvector {
namespace {

// 10^-kSmallest to 10^38, each the nearest double.
constexpr int kSmallest = 64;
constexpr int kLargest = 38;
const std::array<double, kSmallest + kLargest + 1> kPowers = [] {
  std::array<double, kSmallest + kLargest + 1> powers{};
  for (int power = -kSmallest; power <= kLargest; ++power) {
    char text[8] = {'1', 'e'};
    const char* const end = std::to_chars(text + 2, text + sizeof text, power).ptr;
    std::from_chars(text, end, powers[static_cast<std::size_t>(power + kSmallest)]);
  }
  return powers;
}();
constexpr std::uint64_t kWholePowers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
// So many digits fit into 64 bits, whatever they are.
constexpr std::ptrdiff_t kDigits = 19;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// The value of eight digits, the first one in the lowest byte. Source: D. Lemire, "Quickly parsing
// eight digits" (2018).
std::uint64_t eight_digits(std::uint64_t digits) {
  digits = digits * 10 + (digits >> 8);
  constexpr std::uint64_t kPairs = 0x000000FF000000FF;
  const std::uint64_t first = (digits & kPairs) * 0x000F424000000064;
  const std::uint64_t second = (digits >> 16 & kPairs) * 0x0000271000000001;
  return (first + second) >> 32;
}

// The functions below read at `p` and move it on; it is a local variable of parse_floats, because
// the place of the next number depends on it and each detour through memory would delay it.

inline void skip_space(const char*& p, const char* end) {
  while (p < end && *p <= ' ' && is_space(*p)) ++p;
}

// Appends the digits at p to `digits`, eight at a time; too many of them wrap around.
inline void take_digits(const char*& p, const char* end, std::uint64_t& digits) {
  while (std::endian::native == std::endian::little && end - p >= 8) {
    std::uint64_t text;
    std::memcpy(&text, p, 8);
    text ^= 0x3030303030303030;
    // The high bit of each byte that is no digit.
    const std::uint64_t others =
        (((text & 0x7F7F7F7F7F7F7F7F) + 0x7676767676767676) | text) & 0x8080808080808080;
    if (others == 0) {
      digits = digits * 100000000 + eight_digits(text);
      p += 8;
      continue;
    }
    // Zeros move in before the digits; two shifts, because no digit at all shifts by 64. How many
    // digits there are cannot be predicted, so nothing branches on it.
    const int count = std::countr_zero(others) / 8;
    const int half = 32 - 4 * count;
    digits = digits * kWholePowers[count] + eight_digits(text << half << half);
    p += count;
    return;
  }
  for (; p < end && is_digit(*p); ++p) digits = digits * 10 + static_cast<unsigned>(*p - '0');
}

// Through a double: right unless it lies so near the middle of two float32 that its own error could
// have crossed that middle; within `margin` units of its last place the slow way decides. Digits,
// power and product are each rounded once, by 2^-53 of the value at most: three units together.
constexpr std::uint64_t kRounded = 4;

inline bool is_near_middle(double wide, std::uint64_t margin) {
  const std::uint64_t below = std::bit_cast<std::uint64_t>(wide) & 0x1FFFFFFF;
  return below - (0x10000000 - margin) <= 2 * margin;
}

inline float rounded(double wide, bool negative) {
  const auto sign = static_cast<std::uint32_t>(negative) << 31;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(wide)) | sign);
}

inline bool quick(std::uint64_t digits, std::int64_t power, bool negative, float& value) {
  if (power < -kSmallest || power > kLargest) return false;
  const double wide =
      static_cast<double>(digits) * kPowers[static_cast<std::size_t>(power + kSmallest)];
  if (!(wide >= 0x1p-126 && wide <= 0x1.fffffep127) || is_near_middle(wide, kRounded)) return false;
  value = rounded(wide, negative);
  return true;
}

// The number in [begin, end), whose value is below 10^size; false if float32 cannot hold it.
bool slow(const char* begin, const char* end, bool negative, std::int64_t size, float& value) {
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::result_out_of_range) {
    value = negative ? -0.0F : 0.0F;
    return size <= 0;  // too small for float32, not too large
  }
  return error == std::errc() && stop == end && std::isfinite(value);
}

// Reads one number of the JSON grammar; returns why that failed, and p names the place.
inline const char* take_number(const char*& p, const char* end, float& value) {
  const char* const begin = p;
  const bool negative = p < end && *p == '-';
  p += negative;
  if (p == end || !is_digit(*p)) return "expected a number";
  std::uint64_t digits = 0;
  std::ptrdiff_t significant = 0;  // at least as many as the digits after the leading zeros
  std::int64_t power = 0;          // value = digits * 10^power
  if (*p == '0') {
    if (p + 1 < end && is_digit(p[1])) return "a number must not start with 0";
    ++p;
  } else {
    const char* const first = p;
    take_digits(p, end, digits);
    significant = p - first;
  }
  if (p < end && *p == '.') {
    ++p;
    if (p == end || !is_digit(*p)) return "expected a digit after the point";
    const char* const point = p;
    const bool only_zeros = significant == 0;
    take_digits(p, end, digits);
    power = point - p;
    significant -= power;
    if (significant > kDigits && only_zeros)
      for (const char* zero = point; zero < p && *zero == '0'; ++zero) --significant;
  }
  if (p < end && (*p | 0x20) == 'e') {
    ++p;
    const bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p == end || !is_digit(*p)) return "expected a digit in the exponent";
    std::int64_t exponent = 0;
    for (; p < end && is_digit(*p); ++p)
      if (exponent < 1000000000) exponent = exponent * 10 + (*p - '0');
    power += minus ? -exponent : exponent;
  }
  if (significant <= kDigits) {
    if (digits == 0) {
      value = negative ? -0.0F : 0.0F;
      return nullptr;
    }
    if (quick(digits, power, negative, value)) return nullptr;
  }
  float found = 0;
  if (!slow(begin, p, negative, power + significant, found)) {
    p = begin;
    return "the number does not fit into float32";
  }
  value = found;
  return nullptr;
}

#if defined(__x86_64__) || defined(_M_X64)

// Of more digits than 16 the rest is dropped. With 10^12 before them that is less than 2^-39 of the
// value, 2^13 units in the last place of a double.
constexpr std::int64_t kEnoughDigits = 1000000000000;
constexpr std::uint64_t kDropped = std::uint64_t{1} << 14;
#define RUVECTOR_WIDE __attribute__((target("avx2,bmi,popcnt")))

constexpr std::ptrdiff_t kWindow = 40;  // bytes that take_decimal looks at, whatever is there

// 16 - n zeros, then n digits: moves the first n of 16 bytes to the end. One row for each n.
struct Shifts {
  alignas(16) std::uint8_t rows[17][16];
};
constexpr Shifts kShifts = [] {
  Shifts shifts{};
  for (int count = 0; count <= 16; ++count)
    for (int i = 0; i < 16; ++i)
      shifts.rows[count][i] = static_cast<std::uint8_t>(i < 16 - count ? 0x80 : i - (16 - count));
  return shifts;
}();
constexpr std::uint64_t kTens[] = {1,
                                   10,
                                   100,
                                   1000,
                                   10000,
                                   100000,
                                   1000000,
                                   10000000,
                                   100000000,
                                   1000000000,
                                   10000000000,
                                   100000000000,
                                   1000000000000,
                                   10000000000000,
                                   100000000000000,
                                   1000000000000000,
                                   10000000000000000};

// The usual number of a vector: one digit, a point, up to 31 digits. All of them are looked at
// together, so that nothing branches on how many there are. Returns what follows the number, null
// for any other one.
RUVECTOR_WIDE inline const char* take_decimal(const char* p, const char* end, float& value) {
  if (end - p < kWindow) return nullptr;
  const bool negative = *p == '-';
  const char* const first = p + negative;
  const auto whole = static_cast<unsigned char>(first[0] - '0');
  if (whole > 9 || first[1] != '.') return nullptr;
  const char* const point = first + 2;
  const __m256i both = _mm256_sub_epi8(
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(point)), _mm256_set1_epi8('0'));
  const auto digits_at = static_cast<unsigned>(_mm256_movemask_epi8(
      _mm256_cmpeq_epi8(_mm256_min_epu8(both, _mm256_set1_epi8(9)), both)));
  const __m128i head = _mm256_castsi256_si128(both);
  const int size = std::countr_one(digits_at);
  if (size == 0 || size == 32 || (point[size] | 0x20) == 'e') return nullptr;
  const int used = size < 16 ? size : 16;
  const __m128i shift = _mm_load_si128(reinterpret_cast<const __m128i*>(kShifts.rows[used]));
  // Digits become pairs, fours, eights.
  __m128i sum = _mm_maddubs_epi16(_mm_shuffle_epi8(head, shift), _mm_set1_epi16(0x010A));
  sum = _mm_madd_epi16(sum, _mm_set1_epi32(0x00010064));
  sum = _mm_packus_epi32(sum, sum);
  sum = _mm_madd_epi16(sum, _mm_set1_epi32(0x00012710));
  const auto eights = static_cast<std::uint64_t>(_mm_cvtsi128_si64(sum));
  const auto digits = static_cast<std::int64_t>(
      whole * kTens[used] + (eights & 0xFFFFFFFF) * 100000000 + (eights >> 32));
  if (digits < (size > 16 ? kEnoughDigits : 1)) return nullptr;
  // From 10^-16 to 10: neither can it be too small for float32, nor too large.
  const double wide =
      static_cast<double>(digits) * kPowers[static_cast<std::size_t>(kSmallest - used)];
  if (is_near_middle(wide, size > 16 ? kDropped : kRounded)) return nullptr;
  value = rounded(wide, negative);
  return point + size;
}

#endif

// The array at text, each number taken by `take`. Returns as parse_floats does.
template <class Take>
__attribute__((always_inline)) inline ParseFailure parse_array(const char* text, std::size_t size,
                                                               float* out, std::size_t capacity,
                                                               std::size_t& count, Take take) {
  const char* p = text;
  const char* const end = text + size;
  std::size_t found = 0;
  const auto fail = [&](const char* reason) {
    return ParseFailure{reason, static_cast<std::size_t>(p - text)};
  };
  count = 0;
  skip_space(p, end);
  if (p == end || *p != '[') return fail("expected an array of numbers");
  ++p;
  skip_space(p, end);
  bool more = p == end || *p != ']';
  while (more) {
    float value;
    if (const char* reason = take(p, end, value)) return fail(reason);
    if (found < capacity) out[found] = value;
    ++found;
    skip_space(p, end);
    if (p == end) return fail("the array is not closed");
    if (*p != ',' && *p != ']') return fail("expected ',' or ']'");
    more = *p == ',';
    if (more) {
      ++p;
      skip_space(p, end);
    }
  }
  count = found;
  ++p;
  skip_space(p, end);
  return p == end ? ParseFailure{} : fail("trailing characters after the array");
}

#if defined(__x86_64__) || defined(_M_X64)

struct TakeWide {
  RUVECTOR_WIDE inline const char* operator()(const char*& p, const char* end,
                                              float& value) const {
    if (const char* const stop = take_decimal(p, end, value)) {
      p = stop;
      return nullptr;
    }
    const char* after = p;  // p and value themselves stay in registers
    float taken = 0;
    const char* const reason = take_number(after, end, taken);
    p = after;
    value = taken;
    return reason;
  }
};

RUVECTOR_WIDE ParseFailure parse_wide(const char* text, std::size_t size, float* out,
                                      std::size_t capacity, std::size_t& count) {
  return parse_array(text, size, out, capacity, count, TakeWide{});
}

#endif

char* copy(char* out, const char* from, std::size_t count) {
  std::memcpy(out, from, count);
  return out + count;
}

char* zeros(char* out, int count) {
  for (int i = 0; i < count; ++i) *out++ = '0';
  return out;
}

}  // namespace

std::size_t most_floats(const char* text, std::size_t size) {
  // Counted by bytes, 128 at a time: the compiler makes that 16 or 32 comparisons at once.
  std::size_t commas = 0;
  std::size_t at = 0;
  for (; at + 128 <= size; at += 128) {
    std::uint8_t block = 0;
    for (std::size_t i = 0; i < 128; ++i) block += text[at + i] == ',';
    commas += block;
  }
  for (; at < size; ++at) commas += text[at] == ',';
  return std::min(commas + 1, size / 2 + 1);
}

ParseFailure parse_floats(const char* text, std::size_t size, float* out, std::size_t capacity,
                          std::size_t& count) {
#if defined(__x86_64__) || defined(_M_X64)
  static const bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                           __builtin_cpu_supports("popcnt");
  if (wide) return parse_wide(text, size, out, capacity, count);
#endif
  return parse_array(text, size, out, capacity, count,
                     [](const char*& p, const char* end, float& value) {
                       return take_number(p, end, value);
                     });
}

std::string place_of(const ParseFailure& failure) {
  return std::string(failure.reason) + " at position " + std::to_string(failure.position);
}

namespace {

std::string take_row(std::string_view text, std::size_t row, std::size_t dim, float* out,
                     std::size_t capacity) {
  std::size_t count = 0;
  const ParseFailure failure = parse_floats(text.data(), text.size(), out, capacity, count);
  if (failure.reason) return "row " + std::to_string(row) + ": " + place_of(failure);
  if (count == dim) return {};
  return "row " + std::to_string(row) + ": expected " + std::to_string(dim) + " numbers, found " +
         std::to_string(count);
}

}  // namespace

std::string find_short_row(const std::vector<std::string_view>& texts, std::size_t dim) {
  for (std::size_t row = 0; row < texts.size(); ++row)
    if (texts[row].size() / 2 < dim) return take_row(texts[row], row, dim, nullptr, 0);
  return {};
}

std::string parse_float_rows(const std::vector<std::string_view>& texts, std::size_t dim,
                             float* out) {
  std::string problem;
  for (std::size_t row = 0; row < texts.size() && problem.empty(); ++row)
    problem = take_row(texts[row], row, dim, out + row * dim, dim);
  return problem;
}

char* format_float(float value, char* out) {
  if (!std::isfinite(value)) return copy(out, "null", 4);
  if (std::signbit(value)) *out++ = '-';
  if (value == 0.0F) return copy(out, "0.0", 3);
  char text[kFloatBytes];
  const char* const end =
      std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
  // d[.ddd]e[+-]xx: gather the digits and the exponent.
  char digits[kFloatBytes];
  int count = 0;
  const char* p = text;
  for (; *p != 'e'; ++p)
    if (*p != '.') digits[count++] = *p;
  int exponent = 0;
  for (const char* q = p + 2; q < end; ++q) exponent = exponent * 10 + (*q - '0');
  if (p[1] == '-') exponent = -exponent;
  // The limits 13 and -6 are those of serde_json's float32 writer (ryu).
  const int point = exponent + 1;
  if (point >= count && point <= 13) {
    out = zeros(copy(out, digits, static_cast<std::size_t>(count)), point - count);
    return copy(out, ".0", 2);
  }
  if (point > 0 && point <= 13) {
    out = copy(out, digits, static_cast<std::size_t>(point));
    *out++ = '.';
    return copy(out, digits + point, static_cast<std::size_t>(count - point));
  }
  if (point > -6 && point <= 0) {
    out = zeros(copy(out, "0.", 2), -point);
    return copy(out, digits, static_cast<std::size_t>(count));
  }
  *out++ = digits[0];
  if (count > 1) {
    *out++ = '.';
    out = copy(out, digits + 1, static_cast<std::size_t>(count - 1));
  }
  *out++ = 'e';
  return std::to_chars(out, out + 5, exponent).ptr;
}

std::string format_floats(const float* values, std::size_t count) {
  std::string text;
  text.resize(2 + count * kFloatBytes);
  char* out = text.data();
  *out++ = '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i) *out++ = ',';
    out = format_float(values[i], out);
  }
  *out++ = ']';
  text.resize(static_cast<std::size_t>(out - text.data()));
  return text;
}

double shortest_double(float value) {
  if (!std::isfinite(value)) return static_cast<double>(value);
  char text[kFloatBytes];
  const char* const end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  double wide = 0;
  std::from_chars(text, end, wide);
  return wide;
}

}  // namespace ruvector
