// Where does this piece of JSON text end? Steps over text that others check; every one of them
// returns null where the text ends too early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ruvector {

inline bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline const char* skip_json_space(const char* p, const char* end) {
  while (p < end && *p <= ' ' && is_json_space(*p)) ++p;
  return p;
}

// `p` stands on the opening quote; returns what follows the closing one. A quote is closing after
// an even number of backslashes; each of them is looked at once.
inline const char* skip_json_string(const char* p, const char* end) {
  const char* const first = ++p;
  while (p < end) {
    const auto* quote =
        static_cast<const char*>(std::memchr(p, '"', static_cast<std::size_t>(end - p)));
    if (!quote) return nullptr;
    const char* back = quote;
    while (back > first && back[-1] == '\\') --back;
    p = quote + 1;
    if ((quote - back) % 2 == 0) return p;
  }
  return nullptr;
}

// The next bracket, brace or quote. Numbers are long stretches without any, so 32 bytes are looked
// at together; the test that finds brackets also finds five other characters, which is harmless.
inline const char* next_json_mark(const char* p, const char* end) {
  for (;;) {
    while (end - p >= 32) {
      std::uint8_t any = 0;
      for (int i = 0; i < 32; ++i) {
        const auto c = static_cast<std::uint8_t>(p[i]);
        any |= static_cast<std::uint8_t>((c | 0x26) == 0x7F) | (c == '"');
      }
      if (any) break;
      p += 32;
    }
    const char* const stop = end - p >= 32 ? p + 32 : end;
    for (; p < stop; ++p) {
      const char c = *p;
      if (c == '"' || c == '[' || c == ']' || c == '{' || c == '}') return p;
    }
    if (p == end) return nullptr;
  }
}

// `p` stands on the first character of a value; returns what follows the value. Brackets are
// counted, not matched.
inline const char* skip_json_value(const char* p, const char* end) {
  if (p == end) return nullptr;
  if (*p == '"') return skip_json_string(p, end);
  if (*p != '[' && *p != '{') {
    const char* const first = p;
    while (p < end && *p != ',' && *p != ']' && *p != '}' && *p != ':' && !is_json_space(*p)) ++p;
    return p == first ? nullptr : p;
  }
  std::size_t depth = 0;
  while ((p = next_json_mark(p, end))) {
    if (*p == '"') {
      p = skip_json_string(p, end);
      if (!p) return nullptr;
      continue;
    }
    const bool opens = *p == '[' || *p == '{';
    ++p;
    if (opens) {
      ++depth;
    } else if (--depth == 0) {
      return p;
    }
  }
  return nullptr;
}

}  // namespace ruvector
