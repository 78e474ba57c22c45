// What stands in one row of a packed graph? Everything a walk needs of a row, in one block:
//
//   | links: lanes x u32 | per 32 lanes: sign codes 4 dim, add 32 f32, rescale 32 f32 |
//   | version u32, scale f32, squared norm f32, excess f32 | vector: int8 x dim | zeros to 64 |
//
// `dim` is the padded one; vectors are rotated. The code of the neighbour in lane l says on which
// side of the row it lies in each dimension, and the estimate of its distance to a query q is
//   |q - u|^2 + add + rescale * <x, q>     (u the row, x the signs of neighbour - u, halved)
// minus the neighbour's excess: for dot product, its squared length beyond the graph's limit.
// Source: SymphonyQG (2411.12229) and RaBitQ (2405.12497); docs/formats/graph.md.
// Deviations: (a) one lane can be written alone, because the rotation is linear and both vectors
// stand in their rows; (b) a version, odd while the row is written, lets readers go on meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector {

inline constexpr std::size_t kLanes = 32;  // of one block of codes; FastScan's batch

struct NodeLayout {
  NodeLayout() = default;
  NodeLayout(std::size_t padded_dim, std::size_t links_per_node);

  std::size_t dim = 0;
  std::size_t lanes = 0;  // links per node, rounded up to whole blocks
  std::size_t block_bytes = 0;
  std::size_t header_at = 0;
  std::size_t vector_at = 0;
  std::size_t bytes = 0;

  std::size_t block_at(std::size_t block) const {
    return lanes * sizeof(std::uint32_t) + block * block_bytes;
  }
};

// The two vectors of a lane, as their int8 codes stand for them.
struct ScaledVector {
  const std::int8_t* codes;
  float scale;
};

// Writes the code and the factors of one lane of a block. The estimate of a lane that was never
// written is whatever stands there: `clear_lane` makes it infinite.
void write_lane(const ScaledVector& row, const ScaledVector& neighbour, float excess,
                std::size_t dim, std::size_t lane, std::byte* block);
void clear_lane(std::size_t dim, std::size_t lane, std::byte* block);

}  // namespace ruvector
