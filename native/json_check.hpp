// Is this one JSON value that any decoder will take?
#pragma once

#include <cstddef>

namespace ruvector {

inline constexpr std::size_t kMaxCheckDepth = 512;
// Python refuses to read integers with more digits, for the time they take.
inline constexpr std::size_t kMaxIntegerDigits = 4300;

struct Checked {
  const char* reason = nullptr;  // null: it is one
  std::size_t position = 0;
  std::size_t depth = 0;  // how deep it is nested, 0 for a scalar
};

// Strict RFC 8259, and more of it than the grammar: escaped surrogates come in pairs, numbers fit
// into a double, integers have at most kMaxIntegerDigits digits, nesting stays within
// kMaxCheckDepth. That the text is UTF-8 is checked by scan_json.
Checked check_json(const char* text, std::size_t size);

}  // namespace ruvector
