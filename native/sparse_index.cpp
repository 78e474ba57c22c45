// An inverted index is checked when it is opened, and counts rows; sparse_search.cpp searches.
#include "sparse_index.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "sparse_list.hpp"

namespace ruvector {
namespace {

[[noreturn]] void refuse(const char* what) { throw std::invalid_argument(what); }

}  // namespace

std::size_t SparseIndex::rows_of(std::size_t block) const {
  return std::min(kSparseBlock, rows_.rows - block * kSparseBlock);
}

SparseIndex::SparseIndex(const SparseIndexView& view, const SparseRows& rows)
    : view_(view), rows_(rows) {
  if (view.block_count != (rows.rows + kSparseBlock - 1) / kSparseBlock)
    refuse("the sparse index has blocks for another number of rows");
  if (view.blocks[0] != 0 || view.blocks[view.block_count] != view.lists)
    refuse("the blocks of the sparse index do not span its lists");
  if (view.starts[0] != 0 || view.starts[view.lists] != view.bytes)
    refuse("the lists of the sparse index do not span its postings");
  for (std::size_t block = 0; block < view.block_count; ++block) {
    const std::uint64_t first = view.blocks[block], stop = view.blocks[block + 1];
    if (first > stop || stop > view.lists) refuse("the blocks of the sparse index do not ascend");
    for (std::uint64_t i = first; i < stop; ++i) {
      if (i > first && view.terms[i] <= view.terms[i - 1])
        refuse("the terms of the sparse index do not ascend");
      check_list(i, rows_of(block));
    }
  }
}

void SparseIndex::check_list(std::uint64_t i, std::size_t block_rows) const {
  const std::size_t count = view_.counts[i];
  const std::uint64_t start = view_.starts[i], stop = view_.starts[i + 1];
  if (count == 0 || count > block_rows || view_.dense[i] > 1 || stop < start ||
      stop > view_.bytes || stop - start != list_bytes(view_.dense[i] != 0, count, block_rows))
    refuse("a list of the sparse index has another length");
  if (!std::isfinite(view_.limits[2 * i]) || !std::isfinite(view_.limits[2 * i + 1]))
    refuse("a list of the sparse index has no finite limits");
  if (view_.dense[i] != 0) return;
  const auto* rows = reinterpret_cast<const std::uint16_t*>(view_.postings + start);
  for (std::size_t j = 0; j < count; ++j)
    if (rows[j] >= block_rows) refuse("a list of the sparse index leads beyond its rows");
}

SparseIndex::List SparseIndex::list_at(std::uint64_t position, std::size_t block,
                                       float weight) const {
  const std::uint8_t* at = view_.postings + view_.starts[position];
  const float low = view_.limits[2 * position], high = view_.limits[2 * position + 1];
  const bool is_dense = view_.dense[position] != 0;
  return {at, view_.counts[position], is_dense, rows_of(block), weight, low, high};
}

std::vector<SparseIndex::Block> SparseIndex::lists_of(const std::uint32_t* terms,
                                                      const float* weights,
                                                      std::size_t count) const {
  std::vector<Block> blocks(view_.block_count);
  for (std::size_t b = 0; b < view_.block_count; ++b) {
    Block& block = blocks[b];
    block.number = b;
    block.rows = rows_of(b);
    block.short_lists.reserve(count);
    const std::uint32_t* at = view_.terms + view_.blocks[b];
    const std::uint32_t* end = view_.terms + view_.blocks[b + 1];
    for (std::size_t i = 0; i < count; ++i) {
      at = std::lower_bound(at, end, terms[i]);
      if (at == end) break;
      if (*at != terms[i]) continue;
      const List list =
          list_at(static_cast<std::uint64_t>(at - view_.terms), b, weights ? weights[i] : 0.0F);
      block.add(list, i);
      __builtin_prefetch(list.at);
      __builtin_prefetch(list.at + 64);
    }
  }
  return blocks;
}

void SparseIndex::count(const std::uint32_t* terms, std::size_t count, const std::uint8_t* allowed,
                        std::uint64_t* counts) const {
  for (const Block& block : lists_of(terms, nullptr, count)) {
    const std::uint8_t* mask = allowed ? allowed + block.number * (kSparseBlock / 8) : nullptr;
    for (const auto& lists : {block.short_lists, block.dense_lists})
      for (const List& list : lists) counts[list.place] += list.rows_in(mask);
  }
}

}  // namespace ruvector
