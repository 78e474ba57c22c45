#include "utf8.hpp"

#include <cstdint>
#include <cstring>

namespace ruvector {
namespace {

// How many bytes the sequence at p takes, 0 where it is not well-formed.
int sequence_size(const unsigned char* p, const unsigned char* end) {
  const unsigned char first = *p;
  if (first < 0x80) return 1;
  const int size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || end - p < size) return 0;
  // The second byte excludes overlong forms, surrogates, and what lies beyond U+10FFFF.
  const unsigned char lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (p[1] < lowest || p[1] > highest) return 0;
  for (int i = 2; i < size; ++i)
    if ((p[i] & 0xC0) != 0x80) return 0;
  return size;
}

}  // namespace

const char* find_bad_utf8(const char* text, const char* stop) {
  const auto* p = reinterpret_cast<const unsigned char*>(text);
  const auto* const end = reinterpret_cast<const unsigned char*>(stop);
  while (p < end) {
    while (end - p >= 32) {  // plain ASCII, many bytes together
      std::uint64_t block[4];
      std::memcpy(block, p, sizeof block);
      if ((block[0] | block[1] | block[2] | block[3]) & 0x8080808080808080) break;
      p += 32;
    }
    if (p == end) break;
    const int size = sequence_size(p, end);
    if (size == 0) return reinterpret_cast<const char*>(p);
    p += size;
  }
  return nullptr;
}

}  // namespace ruvector
