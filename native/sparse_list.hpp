// The lists that one query meets in one block; only the sparse index's own files include this.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "sparse_index.hpp"

namespace ruvector {

struct SparseIndex::List {
  const std::uint8_t* at;
  std::size_t count;
  bool is_dense;
  std::size_t block_rows;
  float weight;  // of the query
  float low, high;
  std::size_t place = 0;  // of the term in the query

  const std::uint16_t* rows() const { return reinterpret_cast<const std::uint16_t*>(at); }
  const float* values() const {
    return reinterpret_cast<const float*>(at + short_values_at(count));
  }
  const std::int8_t* codes() const {
    return reinterpret_cast<const std::int8_t*>(at + dense_codes_at(block_rows));
  }
  // The most that the list adds to a row's sum, or takes away; rows without the term get 0.
  float most() const { return std::max({0.0F, weight * low, weight * high}); }
  float least() const { return std::min({0.0F, weight * low, weight * high}); }
  // How far a sum may be off because of the list: half a step where it is dense.
  float blur() const { return is_dense ? 0.5F * std::fabs(weight) * code_step(low, high) : 0.0F; }

  // The rows of the list that a mask of the block allows.
  std::size_t rows_in(const std::uint8_t* mask) const {
    if (!mask) return count;
    std::size_t found = 0;
    if (!is_dense) {
      for (std::size_t i = 0; i < count; ++i) found += mask[rows()[i] >> 3] >> (rows()[i] & 7) & 1;
      return found;
    }
    for (std::size_t byte = 0; byte < (block_rows + 7) / 8; ++byte)
      found += static_cast<std::size_t>(
          std::popcount(static_cast<unsigned>(at[byte] & mask[byte])));
    return found;
  }
  // Sets the bits of the list's rows.
  void mark(std::uint8_t* bits) const {
    if (is_dense) {
      for (std::size_t byte = 0; byte < (block_rows + 7) / 8; ++byte) bits[byte] |= at[byte];
      return;
    }
    for (std::size_t i = 0; i < count; ++i)
      bits[rows()[i] >> 3] |= static_cast<std::uint8_t>(1U << (rows()[i] & 7));
  }
};

struct SparseIndex::Block {
  std::size_t number = 0;
  std::size_t rows = 0;
  std::vector<List> short_lists, dense_lists;
  float blur = 0;               // how far a sum of all lists may be off
  float most = 0, least = 0;    // what the dense lists may add to a sum of the short ones
  std::size_t short_entries = 0;

  void add(List list, std::size_t place) {
    list.place = place;
    blur += list.blur();
    if (list.is_dense) {
      most += list.most();
      least += list.least();
      dense_lists.push_back(list);
    } else {
      short_entries += list.count;
      short_lists.push_back(list);
    }
  }
};

}  // namespace ruvector
