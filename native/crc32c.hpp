// Are these bytes the bytes that were written? CRC-32C (Castagnoli, polynomial 0x1EDC6F41
// reflected).
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector {

// Chainable: crc32c(b, crc32c(a)) == crc32c(a + b). The seed of an empty prefix is 0.
std::uint32_t crc32c(const void* bytes, std::size_t size, std::uint32_t seed);

// The table-driven twin of the hardware path, byte by byte.
std::uint32_t crc32c_table(const void* bytes, std::size_t size, std::uint32_t seed);

}  // namespace ruvector
