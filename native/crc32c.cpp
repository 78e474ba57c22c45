#include "crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ruvector {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // 0x1EDC6F41 with its bits reversed

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

std::uint32_t update_table(std::uint32_t state, const std::uint8_t* p, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) state = kTable[(state ^ p[i]) & 0xFF] ^ (state >> 8);
  return state;
}

#if defined(__x86_64__)

// What a state becomes after `size` zero bytes is linear in the state, so four tables of 256
// entries give it in four look-ups. Three lanes are computed side by side, because the crc32
// instruction takes three cycles but one can start in every cycle, and then joined with it.
class ZeroShift {
 public:
  explicit ZeroShift(std::size_t size) {
    std::array<std::uint32_t, 32> column;
    for (int bit = 0; bit < 32; ++bit) {
      std::uint32_t state = std::uint32_t{1} << bit;
      for (std::size_t i = 0; i < size; ++i) state = kTable[state & 0xFF] ^ (state >> 8);
      column[static_cast<std::size_t>(bit)] = state;
    }
    for (std::size_t part = 0; part < 4; ++part)
      for (std::size_t byte = 0; byte < 256; ++byte) {
        std::uint32_t sum = 0;
        for (std::size_t bit = 0; bit < 8; ++bit)
          if (byte >> bit & 1) sum ^= column[part * 8 + bit];
        shifted_[part][byte] = sum;
      }
  }
  std::uint32_t operator()(std::uint32_t state) const {
    return shifted_[0][state & 0xFF] ^ shifted_[1][state >> 8 & 0xFF] ^
           shifted_[2][state >> 16 & 0xFF] ^ shifted_[3][state >> 24];
  }

 private:
  std::uint32_t shifted_[4][256];
};

__attribute__((target("sse4.2"))) std::uint64_t step(std::uint64_t state, const std::uint8_t* p) {
  std::uint64_t word;
  std::memcpy(&word, p, 8);
  return _mm_crc32_u64(state, word);
}

constexpr std::size_t kLongLane = 4096;
constexpr std::size_t kShortLane = 256;

__attribute__((target("sse4.2"))) std::uint32_t update_lanes(std::uint32_t state,
                                                             const std::uint8_t*& p,
                                                             std::size_t& size, std::size_t lane,
                                                             const ZeroShift& shift) {
  while (size >= 3 * lane) {
    std::uint64_t a = state, b = 0, c = 0;
    for (std::size_t i = 0; i < lane; i += 8) {
      a = step(a, p + i);
      b = step(b, p + lane + i);
      c = step(c, p + 2 * lane + i);
    }
    state = shift(static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
    state = shift(state) ^ static_cast<std::uint32_t>(c);
    p += 3 * lane;
    size -= 3 * lane;
  }
  return state;
}

__attribute__((target("sse4.2"))) std::uint32_t update_hardware(std::uint32_t state,
                                                                const std::uint8_t* p,
                                                                std::size_t size) {
  static const ZeroShift long_shift(kLongLane);
  static const ZeroShift short_shift(kShortLane);
  state = update_lanes(state, p, size, kLongLane, long_shift);
  state = update_lanes(state, p, size, kShortLane, short_shift);
  std::uint64_t wide = state;
  for (; size >= 8; p += 8, size -= 8) wide = step(wide, p);
  state = static_cast<std::uint32_t>(wide);
  for (; size > 0; ++p, --size) state = _mm_crc32_u8(state, *p);
  return state;
}

#endif

}  // namespace

std::uint32_t crc32c_table(const void* bytes, std::size_t size, std::uint32_t seed) {
  return ~update_table(~seed, static_cast<const std::uint8_t*>(bytes), size);
}

std::uint32_t crc32c(const void* bytes, std::size_t size, std::uint32_t seed) {
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports("sse4.2");
  if (hardware) return ~update_hardware(~seed, static_cast<const std::uint8_t*>(bytes), size);
#endif
  return crc32c_table(bytes, size, seed);
}

}  // namespace ruvector
