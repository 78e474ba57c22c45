// How does an inverted index come from sparse rows? Block by block: entries sorted by term, then
// written list by list.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "sparse_index.hpp"

namespace ruvector {
namespace {

struct Entry {
  std::uint32_t term;
  std::uint32_t row;  // within the block
  float value;
};

// Sorts by term, keeping the order of rows; eleven bits a pass.
void sort_by_term(std::vector<Entry>& entries, std::vector<Entry>& spare) {
  spare.resize(entries.size());
  for (int shift = 0; shift < 32; shift += 11) {
    std::array<std::size_t, 2048> places{};
    for (const Entry& entry : entries) ++places[entry.term >> shift & 2047];
    if (std::ranges::find(places, entries.size()) != places.end()) continue;  // all the same
    std::size_t total = 0;
    for (std::size_t& place : places) {
      const std::size_t count = place;
      place = total;
      total += count;
    }
    for (const Entry& entry : entries) spare[places[entry.term >> shift & 2047]++] = entry;
    entries.swap(spare);
  }
}

std::int8_t code_of(float value, float step) {
  return static_cast<std::int8_t>(std::lround(step > 0 ? value / step : 0.0F));
}

void write_short(const Entry* list, std::size_t count, std::uint8_t* out) {
  auto* rows = reinterpret_cast<std::uint16_t*>(out);
  auto* values = reinterpret_cast<float*>(out + short_values_at(count));
  for (std::size_t i = 0; i < count; ++i) {
    rows[i] = static_cast<std::uint16_t>(list[i].row);
    values[i] = list[i].value;
  }
}

void write_dense(const Entry* list, std::size_t count, float step, std::size_t block_rows,
                 std::uint8_t* out) {
  auto* codes = reinterpret_cast<std::int8_t*>(out + dense_codes_at(block_rows));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t row = list[i].row;
    out[row >> 3] = static_cast<std::uint8_t>(out[row >> 3] | 1U << (row & 7));
    codes[row] = code_of(list[i].value, step);
  }
}

void add_list(SparsePostings& out, const Entry* list, std::size_t count, std::size_t block_rows) {
  float low = list[0].value, high = list[0].value;
  for (std::size_t i = 1; i < count; ++i) {
    low = std::min(low, list[i].value);
    high = std::max(high, list[i].value);
  }
  const bool is_dense = count * kDenseShare > block_rows;
  out.terms.push_back(list[0].term);
  out.counts.push_back(static_cast<std::uint32_t>(count));
  out.limits.push_back(low);
  out.limits.push_back(high);
  out.dense.push_back(is_dense);
  const std::size_t start = out.postings.size();
  out.starts.push_back(start);
  out.postings.resize(start + list_bytes(is_dense, count, block_rows));
  if (is_dense)
    write_dense(list, count, code_step(low, high), block_rows, out.postings.data() + start);
  else
    write_short(list, count, out.postings.data() + start);
}

}  // namespace

SparsePostings build_sparse(const SparseRows& rows) {
  SparsePostings out;
  std::vector<Entry> entries, spare;
  for (std::size_t start = 0; start < rows.rows; start += kSparseBlock) {
    const std::size_t stop = std::min(rows.rows, start + kSparseBlock);
    out.blocks.push_back(out.terms.size());
    entries.clear();
    for (std::size_t row = start; row < stop; ++row) {
      for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
        if (i > rows.offsets[row] && rows.terms[i] <= rows.terms[i - 1])
          throw std::invalid_argument("the terms of a sparse row must ascend");
        entries.push_back({rows.terms[i], static_cast<std::uint32_t>(row - start), rows.value(i)});
      }
    }
    sort_by_term(entries, spare);
    for (std::size_t first = 0; first < entries.size();) {
      std::size_t end = first;
      while (end < entries.size() && entries[end].term == entries[first].term) ++end;
      add_list(out, entries.data() + first, end - first, stop - start);
      first = end;
    }
  }
  out.blocks.push_back(out.terms.size());
  out.starts.push_back(out.postings.size());
  return out;
}

}  // namespace ruvector
