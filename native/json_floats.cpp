#include "json_floats.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace ruvector {
namespace {

constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// The number as it stands in the text: digits without the point, and the power of ten.
struct Decimal {
  std::uint64_t digits = 0;
  int significant = 0;      // how many digits `digits` took; more than 19 do not fit
  std::int64_t power = 0;   // value = digits * 10^power when significant <= 19
  std::int64_t leading = 0; // power of ten of the first digit that is not zero
  bool negative = false;
};

class Reader {
 public:
  Reader(const char* text, std::size_t size) : start_(text), p_(text), end_(text + size) {}

  ParseFailure read(std::vector<float>& out) {
    skip_space();
    if (p_ == end_ || *p_ != '[') return fail("expected an array of numbers");
    ++p_;
    skip_space();
    if (p_ < end_ && *p_ == ']') {
      ++p_;
      return finish();
    }
    while (true) {
      float value;
      if (const char* reason = number(value)) return fail(reason);
      out.push_back(value);
      skip_space();
      if (p_ == end_) return fail("the array is not closed");
      if (*p_ == ']') {
        ++p_;
        return finish();
      }
      if (*p_ != ',') return fail("expected ',' or ']'");
      ++p_;
      skip_space();
    }
  }

 private:
  ParseFailure fail(const char* reason) const {
    return {reason, static_cast<std::size_t>(p_ - start_)};
  }
  ParseFailure finish() {
    skip_space();
    return p_ == end_ ? ParseFailure{} : fail("trailing characters after the array");
  }
  void skip_space() {
    while (p_ < end_ && is_space(*p_)) ++p_;
  }

  void take_digits(Decimal& decimal, bool fraction) {
    for (; p_ < end_ && is_digit(*p_); ++p_) {
      const int digit = *p_ - '0';
      if (fraction) --decimal.power;
      if (decimal.significant == 0 && digit == 0) continue;
      if (decimal.significant == 0) decimal.leading = decimal.power;
      if (!fraction && decimal.significant > 0) ++decimal.leading;
      if (++decimal.significant <= 19) decimal.digits = decimal.digits * 10 + static_cast<unsigned>(digit);
    }
  }

  // Reads one number of the JSON grammar; on failure p_ names the place.
  const char* number(float& value) {
    const char* const begin = p_;
    Decimal decimal;
    if (p_ < end_ && *p_ == '-') {
      decimal.negative = true;
      ++p_;
    }
    if (p_ == end_ || !is_digit(*p_)) return "expected a number";
    if (*p_ == '0' && p_ + 1 < end_ && is_digit(p_[1])) return "a number must not start with 0";
    take_digits(decimal, false);
    if (p_ < end_ && *p_ == '.') {
      ++p_;
      if (p_ == end_ || !is_digit(*p_)) return "expected a digit after the point";
      take_digits(decimal, true);
    }
    if (p_ < end_ && (*p_ | 0x20) == 'e') {
      ++p_;
      const bool minus = p_ < end_ && *p_ == '-';
      if (p_ < end_ && (*p_ == '-' || *p_ == '+')) ++p_;
      if (p_ == end_ || !is_digit(*p_)) return "expected a digit in the exponent";
      std::int64_t exponent = 0;
      for (; p_ < end_ && is_digit(*p_); ++p_)
        if (exponent < 1000000000) exponent = exponent * 10 + (*p_ - '0');
      decimal.power += minus ? -exponent : exponent;
      decimal.leading += minus ? -exponent : exponent;
    }
    if (quick(decimal, value)) return nullptr;
    return slow(decimal, begin, value);
  }

  // Through a double: right unless the double lies so near the middle of two float32 that its own
  // rounding (at most two units in its last place, one for the digits and one for the power)
  // could have crossed that middle; then the slow way decides.
  static bool quick(const Decimal& decimal, float& value) {
    if (decimal.significant == 0) {
      value = decimal.negative ? -0.0F : 0.0F;
      return true;
    }
    if (decimal.significant > 19 || decimal.power < -22 || decimal.power > 22) return false;
    double wide = static_cast<double>(decimal.digits);
    wide = decimal.power < 0 ? wide / kPowers[-decimal.power] : wide * kPowers[decimal.power];
    if (wide < 0x1p-126 || wide > 0x1.fffffep127) return false;
    const std::uint64_t below = std::bit_cast<std::uint64_t>(wide) & 0x1FFFFFFF;
    if (below - 0x0FFFFFFC <= 8) return false;
    value = static_cast<float>(decimal.negative ? -wide : wide);
    return true;
  }

  const char* slow(const Decimal& decimal, const char* begin, float& value) {
    const auto [end, error] = std::from_chars(begin, p_, value);
    if (error == std::errc::result_out_of_range) {
      if (decimal.leading < 0) {  // too small for float32, not too large
        value = decimal.negative ? -0.0F : 0.0F;
        return nullptr;
      }
    } else if (error == std::errc() && end == p_ && std::isfinite(value)) {
      return nullptr;
    }
    p_ = begin;
    return "the number does not fit into float32";
  }

  const char* const start_;
  const char* p_;
  const char* const end_;
};

char* copy(char* out, const char* from, std::size_t count) {
  std::memcpy(out, from, count);
  return out + count;
}

char* zeros(char* out, int count) {
  for (int i = 0; i < count; ++i) *out++ = '0';
  return out;
}

}  // namespace

ParseFailure parse_floats(const char* text, std::size_t size, std::vector<float>& out) {
  return Reader(text, size).read(out);
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
