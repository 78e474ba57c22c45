#include "row_set.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace ruvector {
namespace {

constexpr std::uint32_t kCookie = 12346;    // no run containers
constexpr std::uint32_t kArrayMost = 4096;  // values of an array container
constexpr std::size_t kWords = 1024;        // of a container of bits
constexpr std::size_t kBitsBytes = 8 * kWords;
// Looking through the bits of a container costs as much as sorting so many values: 1 us.
constexpr std::size_t kSortedMost = 64;

// Containers whose bits together stay in the L2 cache, and rows of each from which on setting them
// there takes less than dealing them out: 70,000 of a million rows in 0.11 ms for 0.21.
constexpr std::size_t kMarkedMost = 32;
constexpr std::size_t kMarkedFrom = 1024;

using Low = std::uint16_t;

void put(std::string& out, std::size_t place, const void* bytes, std::size_t size) {
  std::memcpy(out.data() + place, bytes, size);
}

// The containers of one bitmap, in the order of their keys.
class Encoder {
 public:
  explicit Encoder(std::size_t containers) : most_(containers), body_(8 + 8 * containers, 0) {}

  // Adds a container; `values` ascend.
  void add_array(std::uint32_t key, const Low* values, std::size_t count) {
    if (count > kArrayMost) {
      begin();
      for (std::size_t i = 0; i < count; ++i) set(values[i]);
      return add_bits(key, words_, count);
    }
    head(key, count);
    body_.append(reinterpret_cast<const char*>(values), count * sizeof(Low));
  }

  // Adds a container of values in any order, of which some may be equal; they are scratch.
  void add_any(std::uint32_t key, Low* values, std::size_t count) {
    if (count <= kSortedMost) {
      std::sort(values, values + count);
      return add_array(key, values, static_cast<std::size_t>(
                                        std::unique(values, values + count) - values));
    }
    begin();
    std::size_t distinct = 0;
    for (std::size_t i = 0; i < count; ++i) distinct += set(values[i]);
    if (distinct > kArrayMost) return add_bits(key, words_, distinct);
    add_set(key, words_, distinct, values);
  }

  // Adds a container of the values whose bits are set, unless there are none.
  void add_words(std::uint32_t key, const std::uint64_t* words) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < kWords; ++i)
      count += static_cast<std::size_t>(std::popcount(words[i]));
    if (count > kArrayMost) return add_bits(key, words, count);
    Low values[kArrayMost];
    if (count > 0) add_set(key, words, count, values);
  }

  // Returns the whole; fewer containers than announced move it together.
  std::string finish() {
    const std::uint32_t number = static_cast<std::uint32_t>(heads_.size() / 4);
    const std::size_t begin = 8 + 8 * std::size_t{number};
    const std::size_t unused = 8 + 8 * most_ - begin;
    put(body_, 0, &kCookie, 4);
    put(body_, 4, &number, 4);
    put(body_, 8, heads_.data(), heads_.size());
    for (std::size_t i = 0; i < number; ++i) {
      const std::uint32_t at = static_cast<std::uint32_t>(places_[i] - unused);
      put(body_, 8 + heads_.size() + 4 * i, &at, 4);
    }
    body_.erase(begin, unused);
    return std::move(body_);
  }

 private:
  void head(std::uint32_t key, std::size_t count) {
    const std::uint16_t parts[] = {static_cast<std::uint16_t>(key),
                                   static_cast<std::uint16_t>(count - 1)};
    heads_.append(reinterpret_cast<const char*>(parts), sizeof parts);
    places_.push_back(body_.size());
  }

  void begin() { std::memset(words_, 0, sizeof words_); }

  bool set(Low value) {
    std::uint64_t& word = words_[value >> 6];
    const std::uint64_t bit = std::uint64_t{1} << (value & 63);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }

  // The values of set bits, which `values` has room for.
  void add_set(std::uint32_t key, const std::uint64_t* words, std::size_t count, Low* values) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < kWords; ++i)
      for (std::uint64_t word = words[i]; word != 0; word &= word - 1)
        values[n++] = static_cast<Low>(64 * i + static_cast<std::size_t>(std::countr_zero(word)));
    add_array(key, values, count);
  }

  void add_bits(std::uint32_t key, const std::uint64_t* words, std::size_t count) {
    head(key, count);
    body_.append(reinterpret_cast<const char*>(words), kBitsBytes);
  }

  const std::size_t most_;
  std::string body_;
  std::string heads_;
  std::vector<std::size_t> places_;
  std::uint64_t words_[kWords];
};

std::string of_ascending(const std::uint32_t* rows, std::size_t count) {
  std::size_t containers = 1;
  for (std::size_t i = 1; i < count; ++i) containers += rows[i] >> 16 != rows[i - 1] >> 16;
  Encoder encoder(containers);
  std::vector<Low> low(count);
  for (std::size_t i = 0; i < count; ++i) low[i] = static_cast<Low>(rows[i]);
  for (std::size_t start = 0; start < count;) {
    const std::uint32_t key = rows[start] >> 16;
    std::size_t end = start + 1;
    while (end < count && rows[end] >> 16 == key) ++end;
    encoder.add_array(key, low.data() + start, end - start);
    start = end;
  }
  return encoder.finish();
}

// Rows are dealt out to their containers first, so that the bits at work stay in the nearest cache.
std::string of_dealt(const std::uint32_t* rows, std::size_t count, std::uint32_t first,
                     std::uint32_t last) {
  const std::size_t containers = last - first + 1;
  std::vector<std::size_t> ends(containers + 1);
  for (std::size_t i = 0; i < count; ++i) ++ends[(rows[i] >> 16) - first + 1];
  for (std::size_t i = 1; i <= containers; ++i) ends[i] += ends[i - 1];
  std::vector<std::size_t> next(ends.begin(), ends.end() - 1);
  std::vector<Low> low(count);
  for (std::size_t i = 0; i < count; ++i)
    low[next[(rows[i] >> 16) - first]++] = static_cast<Low>(rows[i]);
  Encoder encoder(containers);
  for (std::size_t i = 0; i < containers; ++i)
    if (ends[i] < ends[i + 1])
      encoder.add_any(static_cast<std::uint32_t>(first + i), low.data() + ends[i],
                      ends[i + 1] - ends[i]);
  return encoder.finish();
}

// The same with the bits of all containers at once, which then must fit into the L2 cache.
std::string of_marked(const std::uint32_t* rows, std::size_t count, std::uint32_t first,
                      std::uint32_t last) {
  const std::size_t containers = last - first + 1;
  std::vector<std::uint64_t> words(containers * kWords);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t at = rows[i] - (first << 16);
    words[at >> 6] |= std::uint64_t{1} << (at & 63);
  }
  Encoder encoder(containers);
  for (std::size_t i = 0; i < containers; ++i)
    encoder.add_words(static_cast<std::uint32_t>(first + i), words.data() + i * kWords);
  return encoder.finish();
}

}  // namespace

std::string roaring_of(const std::uint32_t* rows, std::size_t count) {
  if (count == 0) return Encoder(0).finish();
  bool ascending = true;
  std::uint32_t low = rows[0];
  std::uint32_t high = rows[0];
  for (std::size_t i = 1; i < count; ++i) {
    ascending &= rows[i] > rows[i - 1];
    low = std::min(low, rows[i]);
    high = std::max(high, rows[i]);
  }
  if (ascending) return of_ascending(rows, count);
  const std::size_t containers = (high >> 16) - (low >> 16) + 1;
  const bool marks = containers <= kMarkedMost && count >= kMarkedFrom * containers;
  return (marks ? of_marked : of_dealt)(rows, count, low >> 16, high >> 16);
}

}  // namespace ruvector
