// Which numbers does this JSON array hold, and what is the shortest JSON of these numbers?
// Reading is strict RFC 8259: nothing but one flat array of numbers that fit into float32.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ruvector {

struct ParseFailure {
  const char* reason = nullptr;  // null: no failure
  std::size_t position = 0;
};

// Writes the array's numbers to `out`, each the float32 nearest to its decimal value; numbers
// beyond `capacity` are counted in `count` and not written.
ParseFailure parse_floats(const char* text, std::size_t size, float* out, std::size_t capacity,
                          std::size_t& count);
std::string place_of(const ParseFailure& failure);
// Each number takes two bytes of text, so that a small request cannot ask for a huge array: says
// which row is too short for `dim` numbers, or nothing.
std::string find_short_row(const std::vector<std::string_view>& texts, std::size_t dim);
// Writes rows of `dim` numbers to `out`; returns what is wrong with the first bad one, or nothing.
std::string parse_float_rows(const std::vector<std::string_view>& texts, std::size_t dim,
                             float* out);
// Of a flat array that parses, how many numbers it has; an empty one counts as 1.
std::size_t most_floats(const char* text, std::size_t size);

// The shortest decimal form that reads back to the same float32, `1.0` rather than `1`, as
// serde_json writes it. Not a number and infinities become `null`. Returns the end of what was
// written; `out` must have room for kFloatBytes.
inline constexpr std::size_t kFloatBytes = 24;
char* format_float(float value, char* out);
std::string format_floats(const float* values, std::size_t count);

// The double whose shortest decimal form equals the shortest form of the float32.
double shortest_double(float value);

}  // namespace ruvector
