#include "json_check.hpp"

#include <bitset>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "json_text.hpp"

namespace ruvector {
namespace {

using Reason = const char*;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

void skip_digits(const char*& p, const char* end) {
  while (p < end && is_digit(*p)) ++p;
}

// Four hexadecimal digits at p; -1 where they are not.
int take_hex(const char* p, const char* end) {
  int value = 0;
  if (end - p < 4) return -1;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    const char lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) {
      value = value * 16 + (c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + (lower - 'a' + 10);
    } else {
      return -1;
    }
  }
  return value;
}

// p stands behind a backslash.
Reason take_escape(const char*& p, const char* end) {
  if (p == end) return "the string is not closed";
  if (*p != 'u') {
    if (*p == '\0' || !std::strchr("\"\\/bfnrt", *p)) return "unknown escape";
    ++p;
    return nullptr;
  }
  const int unit = take_hex(p + 1, end);
  if (unit < 0) return "expected four hexadecimal digits";
  p += 5;
  if (unit < 0xD800 || unit > 0xDFFF) return nullptr;
  if (unit > 0xDBFF || end - p < 6 || p[0] != '\\' || p[1] != 'u')
    return "an escaped surrogate stands alone";
  const int low = take_hex(p + 2, end);
  if (low < 0xDC00 || low > 0xDFFF) return "an escaped surrogate stands alone";
  p += 6;
  return nullptr;
}

// p stands on the opening quote.
Reason take_string(const char*& p, const char* end) {
  for (++p; p < end; ++p) {
    const auto c = static_cast<unsigned char>(*p);
    if (c == '"') {
      ++p;
      return nullptr;
    }
    if (c < 0x20) return "a control character must be escaped";
    if (c == '\\') {
      ++p;
      if (Reason reason = take_escape(p, end)) return reason;
      --p;
    }
  }
  return "the string is not closed";
}

// Says whether the decimal number in [begin, end) lies beyond the largest double.
bool overflows(const char* begin, const char* end) {
  double value;
  if (std::from_chars(begin, end, value).ec != std::errc::result_out_of_range) return false;
  // Too large or too small: the place of its first digit before or after the point tells.
  const char* p = begin + (*begin == '-');
  const char* first = p;
  while (first < end && (*first == '0' || *first == '.')) ++first;
  const char* point = p;
  skip_digits(point, end);
  const char* stop = p;
  while (stop < end && (*stop | 0x20) != 'e') ++stop;
  std::int64_t exponent = 0;
  if (stop < end) {
    const char* digits = stop + 1;
    const bool minus = *digits == '-';
    digits += *digits == '-' || *digits == '+';
    for (; digits < end && exponent < 1000000000; ++digits)
      exponent = exponent * 10 + (*digits - '0');
    if (minus) exponent = -exponent;
  }
  return exponent + (point - first) > 0;
}

Reason take_number(const char*& p, const char* end) {
  const char* const begin = p;
  if (*p == '-') ++p;
  if (p == end || !is_digit(*p)) return "expected a value";
  const char* const digits = p;
  if (*p == '0') {
    ++p;
    if (p < end && is_digit(*p)) return "a number must not start with 0";
  } else {
    skip_digits(p, end);
  }
  const auto whole = static_cast<std::size_t>(p - digits);
  bool integer = true;
  if (p < end && *p == '.') {
    integer = false;
    const char* const fraction = ++p;
    skip_digits(p, end);
    if (p == fraction) return "expected a digit after the point";
  }
  bool scaled = false;
  if (p < end && (*p | 0x20) == 'e') {
    integer = false;
    scaled = true;
    ++p;
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* const exponent = p;
    skip_digits(p, end);
    if (p == exponent) return "expected a digit in the exponent";
  }
  if (integer) return whole > kMaxIntegerDigits ? "the integer has more than 4300 digits" : nullptr;
  // Below 10^300 without an exponent nothing can be too large.
  if ((scaled || whole > 300) && overflows(begin, p))
    return "the number does not fit into a double";
  return nullptr;
}

Reason take_scalar(const char*& p, const char* end) {
  if (*p == '"') return take_string(p, end);
  if (*p == '-' || is_digit(*p)) return take_number(p, end);
  for (const std::string_view word : {"true", "false", "null"}) {
    if (static_cast<std::size_t>(end - p) >= word.size() &&
        std::memcmp(p, word.data(), word.size()) == 0) {
      p += word.size();
      return nullptr;
    }
  }
  return "expected a value";
}

// The key of an object's member and its colon.
Reason take_key(const char*& p, const char* end) {
  p = skip_json_space(p, end);
  if (p == end || *p != '"') return "expected a key";
  if (Reason reason = take_string(p, end)) return reason;
  p = skip_json_space(p, end);
  if (p == end || *p != ':') return "expected ':'";
  ++p;
  return nullptr;
}

class Checker {
 public:
  Checker(const char* text, std::size_t size) : p(text), end_(text + size) {}

  Reason run() {
    for (;;) {
      bool opened = false;
      if (Reason reason = value(opened)) return reason;
      if (opened) continue;
      bool more = false;
      if (Reason reason = close(more)) return reason;
      if (!more) return nullptr;
    }
  }

  const char* p;
  std::size_t deepest = 0;

 private:
  // A scalar, an empty container, or the opening of one with members.
  Reason value(bool& opened) {
    p = skip_json_space(p, end_);
    if (p == end_) return "expected a value";
    if (*p != '[' && *p != '{') return take_scalar(p, end_);
    const bool object = *p == '{';
    if (depth_ == kMaxCheckDepth) return "JSON is nested too deeply";
    objects_[depth_++] = object;
    if (depth_ > deepest) deepest = depth_;
    p = skip_json_space(p + 1, end_);
    if (p < end_ && *p == (object ? '}' : ']')) return nullptr;  // close() takes it
    opened = true;
    return object ? take_key(p, end_) : nullptr;
  }

  // What follows a value: closing brackets, then a comma or the end.
  Reason close(bool& more) {
    for (;;) {
      p = skip_json_space(p, end_);
      if (depth_ == 0) return p == end_ ? nullptr : "trailing characters";
      if (p == end_) return "a bracket is not closed";
      const bool object = objects_[depth_ - 1];
      if (*p == (object ? '}' : ']')) {
        ++p;
        --depth_;
        continue;
      }
      if (*p != ',') return "expected ',' or a closing bracket";
      ++p;
      more = true;
      return object ? take_key(p, end_) : nullptr;
    }
  }

  const char* const end_;
  std::size_t depth_ = 0;
  std::bitset<kMaxCheckDepth> objects_;
};

}  // namespace

Checked check_json(const char* text, std::size_t size) {
  Checker checker(text, size);
  const Reason reason = checker.run();
  return {reason, static_cast<std::size_t>(checker.p - text), checker.deepest};
}

}  // namespace ruvector
