#include "proto_points.hpp"

#include <charconv>
#include <cstring>

#include "json_text.hpp"

namespace ruvector {
namespace {

using Reason = const char*;

constexpr Reason kNoJson = "it is not valid JSON";
constexpr Reason kTooDeep = "it is nested deeper than gRPC's readers follow";
constexpr Reason kTooLarge = "it has an integer that no number of gRPC can hold";

// A field's number and wire type in one byte.
enum : char {
  kFirst = 0x0A,   // field 1, a message or text
  kSecond = 0x12,  // field 2, likewise
  kNull = 0x08,
  kDouble = 0x11,
  kInteger = 0x18,
  kString = 0x22,
  kBool = 0x28,
  kStruct = 0x32,
  kList = 0x3A,
  kNumber = 0x08,          // of a PointId
  kScore = 0x1D,           // of a ScoredPoint
  kVersion = 0x28,         // likewise
};
constexpr unsigned kLengthDelimited = 2;
constexpr int kLevelsOfObject = 3;
constexpr int kLevelsOfList = 2;

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_text(std::string& out, char tag, std::string_view text) {
  out.push_back(tag);
  put_varint(out, text.size());
  out.append(text);
}

// A part whose size is known when it ends; one byte is kept for it, enough for most.
class Part {
 public:
  explicit Part(std::string& out) : out_(out), place_(out.size()) { out.push_back(0); }

  void close() {
    std::size_t size = out_.size() - place_ - 1;
    if (size < 0x80) {
      out_[place_] = static_cast<char>(size);
      return;
    }
    char digits[10];
    int count = 0;
    for (; size >= 0x80; size >>= 7) digits[count++] = static_cast<char>(size | 0x80);
    digits[count++] = static_cast<char>(size);
    out_[place_] = digits[0];
    out_.insert(place_ + 1, digits + 1, static_cast<std::size_t>(count) - 1);
  }

 private:
  std::string& out_;
  std::size_t place_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Four hexadecimal digits at p, -1 where they are not.
int take_unit(const char* p, const char* end) {
  int value = 0;
  if (end - p < 4) return -1;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void put_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

class Encoder {
 public:
  Encoder(std::string& out, std::string_view text)
      : out_(out), p_(text.data()), end_(text.data() + text.size()) {}

  // The payload: each member is an entry of the map `tag`.
  Reason payload(char tag, int levels) {
    skip();
    if (p_ == end_ || *p_ != '{') return kNoJson;
    if (Reason reason = members(tag, levels)) return reason;
    skip();
    return p_ == end_ ? nullptr : kNoJson;
  }

 private:
  void skip() { p_ = skip_json_space(p_, end_); }

  // p stands on the opening brace.
  Reason members(char tag, int levels) {
    if (levels < kLevelsOfObject) return kTooDeep;
    ++p_;
    skip();
    if (p_ < end_ && *p_ == '}') {
      ++p_;
      return nullptr;
    }
    for (;;) {
      out_.push_back(tag);
      Part entry(out_);
      skip();
      if (Reason reason = string(kFirst)) return reason;
      skip();
      if (p_ == end_ || *p_++ != ':') return kNoJson;
      out_.push_back(kSecond);
      if (Reason reason = value(levels - kLevelsOfObject)) return reason;
      entry.close();
      skip();
      if (p_ == end_) return kNoJson;
      const char c = *p_++;
      if (c == '}') return nullptr;
      if (c != ',') return kNoJson;
    }
  }

  // p stands on the opening bracket.
  Reason items(int levels) {
    if (levels < kLevelsOfList) return kTooDeep;
    ++p_;
    skip();
    if (p_ < end_ && *p_ == ']') {
      ++p_;
      return nullptr;
    }
    for (;;) {
      out_.push_back(kFirst);
      if (Reason reason = value(levels - kLevelsOfList)) return reason;
      skip();
      if (p_ == end_) return kNoJson;
      const char c = *p_++;
      if (c == ']') return nullptr;
      if (c != ',') return kNoJson;
    }
  }

  // A Value: its size and its field.
  Reason value(int levels) {
    skip();
    if (p_ == end_) return kNoJson;
    Part whole(out_);
    Reason reason = nullptr;
    if (*p_ == '"') {
      reason = string(kString);
    } else if (*p_ == '{' || *p_ == '[') {
      const bool is_object = *p_ == '{';
      out_.push_back(is_object ? kStruct : kList);
      Part inner(out_);
      reason = is_object ? members(kFirst, levels) : items(levels);
      inner.close();
    } else {
      reason = scalar();
    }
    whole.close();
    return reason;
  }

  Reason scalar() {
    const char* const stop = skip_json_value(p_, end_);
    if (!stop) return kNoJson;
    const std::string_view word(p_, static_cast<std::size_t>(stop - p_));
    p_ = stop;
    if (word == "null") {
      out_.push_back(kNull);
      out_.push_back(0);
    } else if (word == "true" || word == "false") {
      out_.push_back(kBool);
      out_.push_back(word == "true");
    } else {
      return number(word);
    }
    return nullptr;
  }

  // Whole numbers of 64 bits stay whole, larger ones become double.
  Reason number(std::string_view word) {
    const char* const begin = word.data();
    const char* const stop = begin + word.size();
    const bool is_whole = word.find_first_of(".eE") == std::string_view::npos;
    if (is_whole) {
      std::int64_t whole = 0;
      const auto read = std::from_chars(begin, stop, whole);
      if (read.ec == std::errc() && read.ptr == stop) {
        out_.push_back(kInteger);
        put_varint(out_, static_cast<std::uint64_t>(whole));
        return nullptr;
      }
    }
    double real = 0;
    const auto read = std::from_chars(begin, stop, real);
    if (read.ptr != stop || read.ec == std::errc::invalid_argument) return kNoJson;
    if (read.ec == std::errc::result_out_of_range) {
      if (is_whole) return kTooLarge;
      real = *begin == '-' ? -0.0 : 0.0;  // too small: what is too large is not stored
    }
    out_.push_back(kDouble);
    char bytes[sizeof(real)];
    std::memcpy(bytes, &real, sizeof(real));
    out_.append(bytes, sizeof(bytes));
    return nullptr;
  }

  // A text field from the JSON string that p stands on.
  Reason string(char tag) {
    if (p_ == end_ || *p_ != '"') return kNoJson;
    const char* const stop = skip_json_string(p_, end_);
    if (!stop) return kNoJson;
    const std::string_view inside(p_ + 1, static_cast<std::size_t>(stop - p_) - 2);
    p_ = stop;
    if (inside.find('\\') == std::string_view::npos) {
      put_text(out_, tag, inside);
      return nullptr;
    }
    out_.push_back(tag);
    Part part(out_);
    Reason reason = unescape(inside.data(), inside.data() + inside.size());
    part.close();
    return reason;
  }

  Reason unescape(const char* p, const char* end) {
    static constexpr char kNames[] = "\"\\/bfnrt";
    static constexpr char kMeant[] = "\"\\/\b\f\n\r\t";
    while (p < end) {
      const auto* back =
          static_cast<const char*>(std::memchr(p, '\\', static_cast<std::size_t>(end - p)));
      if (!back) back = end;
      out_.append(p, back);
      p = back;
      if (p == end) break;
      if (++p == end) return kNoJson;
      if (*p != 'u') {
        const char* const name = *p ? std::strchr(kNames, *p) : nullptr;
        if (!name) return kNoJson;
        out_.push_back(kMeant[name - kNames]);
        ++p;
        continue;
      }
      const int high = take_unit(p + 1, end);
      if (high < 0) return kNoJson;
      p += 5;
      auto code = static_cast<unsigned>(high);
      if (high >= 0xD800 && high <= 0xDFFF) {
        const int low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? take_unit(p + 2, end) : -1;
        if (high > 0xDBFF || low < 0xDC00 || low > 0xDFFF) return kNoJson;
        code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<unsigned>(low) - 0xDC00);
        p += 6;
      }
      put_utf8(out_, code);
    }
    return nullptr;
  }

  std::string& out_;
  const char* p_;
  const char* end_;
};

}  // namespace

const char* append_point(std::string& out, unsigned field, const ProtoPoint& point,
                         int most_levels) {
  put_varint(out, field << 3 | kLengthDelimited);
  Part whole(out);
  out.push_back(kFirst);
  Part id(out);
  if (point.has_number) {
    out.push_back(kNumber);
    put_varint(out, point.number);
  } else {
    put_text(out, kSecond, point.text);
  }
  id.close();
  if (!point.payload.empty()) {
    if (Reason reason = Encoder(out, point.payload).payload(kSecond, most_levels)) return reason;
  }
  if (point.is_scored) {
    out.push_back(kScore);
    char bytes[sizeof(point.score)];
    std::memcpy(bytes, &point.score, sizeof(bytes));
    out.append(bytes, sizeof(bytes));
    out.push_back(kVersion);
    put_varint(out, point.version);
  }
  out.append(point.rest);
  whole.close();
  return nullptr;
}

}  // namespace ruvector
