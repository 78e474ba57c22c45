// How are codes of a few bits multiplied with an int8 query?
//
// A code is a run of blocks of 16 bytes. Byte j of a block holds the levels of dimensions j,
// 16 + j, 32 + j, ... of the block, the first in the lowest bits; with 1.5 bits five levels of
// three are a fraction in base 3 (see `pack_levels`). The query lies in the same order, block after
// block.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector {

enum class BitWidth : int { One = 0, OneAndHalf = 1, Two = 2, Four = 3, Eight = 4 };
inline constexpr int kBitWidths = 5;
inline constexpr std::size_t kBlockBytes = 16;

struct BitShape {
  std::size_t block_dims;    // in 16 bytes of code
  std::size_t query_stride;  // int8 of the query for one block; beyond block_dims they are 0
  int level_count;
  const std::uint8_t* levels;  // what a kernel multiplies with; null: the number of the level
  float offset;                // a level stands for (level - offset)
};

const BitShape& shape_of(BitWidth width);

// Writes one block from `block_dims` numbers of levels.
void pack_levels(BitWidth width, const std::uint8_t* numbers, std::byte* block);

// The sum of level * query over all blocks. Not for eight bits: those are int8 (codes.hpp).
using CodeDot = std::int32_t (*)(const std::byte* code, const std::int8_t* query,
                                 std::size_t blocks);

CodeDot plain_code_dot(BitWidth width);
CodeDot best_code_dot(BitWidth width);

// The sum of |a - b|, for manhattan.
using ByteDifference = std::uint32_t (*)(const std::uint8_t* a, const std::uint8_t* b,
                                         std::size_t count);
ByteDifference plain_byte_difference();
ByteDifference best_byte_difference();

}  // namespace ruvector
