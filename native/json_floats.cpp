#include "json_floats.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

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

// Through a double: right unless it lies so near the middle of two float32 that its own rounding
// could have crossed that middle. Digits, power and product are each rounded once, by 2^-53 of the
// value at most: three units in its last place together. Within four, the slow way decides.
inline bool quick(std::uint64_t digits, std::int64_t power, bool negative, float& value) {
  if (power < -kSmallest || power > kLargest) return false;
  const double wide =
      static_cast<double>(digits) * kPowers[static_cast<std::size_t>(power + kSmallest)];
  if (!(wide >= 0x1p-126 && wide <= 0x1.fffffep127)) return false;
  const std::uint64_t below = std::bit_cast<std::uint64_t>(wide) & 0x1FFFFFFF;
  if (below - 0x0FFFFFFC <= 8) return false;
  const auto sign = static_cast<std::uint32_t>(negative) << 31;
  value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(wide)) | sign);
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
  const char* p = text;
  const char* const end = text + size;
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
    if (const char* reason = take_number(p, end, value)) return fail(reason);
    if (count < capacity) out[count] = value;
    ++count;
    skip_space(p, end);
    if (p == end) return fail("the array is not closed");
    if (*p != ',' && *p != ']') return fail("expected ',' or ']'");
    more = *p == ',';
    if (more) {
      ++p;
      skip_space(p, end);
    }
  }
  ++p;
  skip_space(p, end);
  return p == end ? ParseFailure{} : fail("trailing characters after the array");
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
