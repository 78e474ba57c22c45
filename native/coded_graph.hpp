// Which rows are near, by compact codes? The compact layout: plain links, one code per row that all
// its neighbours share, and originals for the last word.
//
// Invariants: links, codes and vectors are somebody else's arrays, never written and kept alive by
// the owner; links were checked. Without links every row is looked at.
// Threads: any number search.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "exact_code.hpp"
#include "graph.hpp"
#include "quantizer.hpp"

namespace ruvector {

struct CodedArrays {
  std::size_t rows = 0;
  const std::byte* codes = nullptr;
  const std::byte* vectors = nullptr;
  Element element = Element::Float32;
  const std::uint32_t* links = nullptr;  // [rows, links_per_node] or null
  std::size_t links_per_node = 0;
  const std::uint32_t* entries = nullptr;
  std::size_t entry_count = 0;
  bool vectors_are_cold = false;  // on disk: asked for together before they are read
  // [rows, links_per_node codes, original] or null: what a step and the last word need of a row, in
  // one place; other bytes than the codes and vectors above, which they are copies of.
  const std::byte* beside = nullptr;
};

struct CodedSearch {
  std::size_t k = 10;
  std::size_t beam = 64;
  std::size_t candidates = 0;  // compared by their originals at the end; 0: none
  bool ignores_codes = false;  // originals all the way
  bool exact = false;          // every match by its original
  const std::uint8_t* allowed = nullptr;  // packed mask or null
  std::size_t allowed_count = 0;
};

class CodedGraph {
 public:
  CodedGraph(const Quantizer& quantizer, const CodedArrays& arrays);

  const CodedArrays& arrays() const { return arrays_; }
  const Quantizer& quantizer() const { return quantizer_; }

  // Fills `columns` = min(k, matches) hits per query, best first.
  void search(const float* queries, std::size_t query_count, const CodedSearch& options,
              std::size_t columns, int threads, std::uint32_t* out_rows, float* out_scores) const;

  std::unique_ptr<Scratch> take_scratch() const;
  void give_scratch(std::unique_ptr<Scratch> scratch) const;
  std::size_t scratch_bytes() const;

  // The rows as one code or the other sees them: what the walk asks of a graph. Those with copies
  // beside them measure a row's neighbours from the row's own block.
  class Rows;
  class RowsWithCopies;

  // Writes [rows, beside_bytes()] of copies; the last bytes of a row are zeros up to a cache line.
  void write_copies(std::byte* out, int threads) const;
  std::size_t beside_bytes() const;
  // A row's original: its copy, where there is one.
  const std::byte* original(std::uint32_t row) const;

 private:
  const Quantizer& quantizer_;
  CodedArrays arrays_;
  ExactCode exact_code_;
  std::vector<std::byte> entry_codes_;
  mutable std::mutex scratch_lock_;
  mutable std::vector<std::unique_ptr<Scratch>> scratch_;
};

}  // namespace ruvector
