// How do newer pairs of (value, row) join those that are sorted? One pass over both.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector {

template <class Value>
struct Pairs {  // by value, then row
  const Value* values;
  const std::uint32_t* rows;
  std::size_t count;
};

// Writes both into `values` and `rows`, by value, then row; `dead` marks old ones to leave out, or
// is null. Returns how many were written.
template <class Value>
std::size_t merge_pairs(const Pairs<Value>& old, const std::uint8_t* dead,
                        const Pairs<Value>& added, Value* values, std::uint32_t* rows) {
  std::size_t out = 0;
  std::size_t j = 0;
  const auto take = [&](const Pairs<Value>& from, std::size_t place) {
    values[out] = from.values[place];
    rows[out++] = from.rows[place];
  };
  for (std::size_t i = 0; i < old.count; ++i) {
    if (dead && dead[i]) continue;
    while (j < added.count &&
           (added.values[j] < old.values[i] ||
            (added.values[j] == old.values[i] && added.rows[j] < old.rows[i])))
      take(added, j++);
    take(old, i);
  }
  while (j < added.count) take(added, j++);
  return out;
}

}  // namespace ruvector
