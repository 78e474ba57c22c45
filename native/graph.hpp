// Which rows are near this one? A flat, updatable graph: each row has up to R links to rows near
// it.
//
// Invariants: links of a row stand at the front of its place, the rest is kNoRow; a row's vector
// and code are written before the first link to it and never change; rows are never reused (a
// removed row is walked through and not returned; whoever owns the graph compacts it).
// Threads: one thread at a time appends; `link`, `remove` and `search` may run beside each other.
// Links are atomic words, written under a lock per group of rows and read without one.
// What it does not do: ids, files, Python.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "codes.hpp"
#include "rowstore.hpp"

namespace ruvector {

inline constexpr std::uint32_t kNoRow = 0xFFFFFFFF;
// Bit 31 of a row number marks rows already expanded in a beam.
inline constexpr std::uint32_t kMaxRows = 0x7FFFFFFF;

struct GraphOptions {
  std::size_t dim = 0;
  Metric metric = Metric::Cosine;
  Element element = Element::Float32;
  std::uint32_t links_per_node = 32;
  std::uint32_t build_beam = 200;
  float alpha = 1.2F;
  double norm_limit = 0;  // the longest row, for dot product
  bool int8_codes = true;  // where they fit; false where they would confuse neighbours
};

struct Candidate {
  float distance;
  std::uint32_t row;
};

// What one walk needs; kept between walks, one thread at a time.
struct Scratch {
  std::vector<std::uint16_t> seen;  // the epoch in which a row was met
  std::uint16_t epoch = 0;
  std::vector<Candidate> beam;      // sorted, nearest first
  std::vector<Candidate> frontier;  // heap of a walk that collects only some rows
  std::vector<Candidate> kept;
  std::vector<Candidate> merged;
  std::vector<std::uint32_t> fresh;
  std::vector<std::byte> query;
  std::vector<float> vector;
  std::size_t distances = 0;

  void begin(std::size_t rows) {
    if (seen.size() < rows) seen.resize(rows + rows / 8 + 64);
    if (++epoch == 0) {
      std::fill(seen.begin(), seen.end(), std::uint16_t{0});
      epoch = 1;
    }
    distances = 0;
  }
  bool meet(std::uint32_t row) {
    if (seen[row] == epoch) return false;
    seen[row] = epoch;
    return true;
  }
};

class Graph {
 public:
  explicit Graph(const GraphOptions& options);

  // The rows.
  void view_vectors(const void* vectors, std::size_t rows, int threads);  // and encodes them
  void view_stored(const void* vectors, std::size_t rows, const std::uint32_t* links,
                   const void* codes, const std::uint32_t* entries, std::size_t entry_count);
  // Gives appended rows the links of a stored graph; every number was checked by the caller.
  void restore(const std::uint32_t* links, const std::uint32_t* entries, std::size_t entry_count);
  std::uint32_t append(const float* vectors, std::size_t rows, int threads);
  std::size_t rows() const { return rows_.load(std::memory_order_acquire); }
  std::size_t deleted_rows() const { return deleted_count_.load(std::memory_order_acquire); }
  // Removes rows and leads the links of linked ones around them; returns how many were there.
  std::size_t remove(const std::uint32_t* rows, std::size_t count, int threads);
  bool mark_removed(std::uint32_t row);  // only that; false if it was before
  bool is_deleted(std::uint32_t row) const {
    return __atomic_load_n(deleted_word(row), __ATOMIC_ACQUIRE) >> (row & 63) & 1;
  }
  // The removal marks of rows 8i to 8i + 7, the lowest row in the lowest bit.
  std::uint8_t deleted_byte(std::uint32_t i) const {
    const std::uint64_t word = __atomic_load_n(deleted_word(i * 8), __ATOMIC_ACQUIRE);
    return static_cast<std::uint8_t>(word >> (i & 7) * 8);
  }

  // Building.
  void link(const std::uint32_t* rows, std::size_t count, int threads);
  std::size_t connect_unreached(int threads);  // returns how many rows no walk could reach

  // Reading.
  const GraphOptions& options() const { return options_; }
  bool uses_int8() const { return int8_; }
  bool codes_are_vectors() const { return codes_ == &vectors_; }
  const RowStore& vectors() const { return vectors_; }
  const RowStore& codes() const { return *codes_; }
  const RowStore& link_store() const { return links_; }
  const std::byte* code(std::uint32_t row) const { return codes_->at(row); }
  std::uint32_t* links(std::uint32_t row) const {
    return reinterpret_cast<std::uint32_t*>(links_.at(row));
  }
  std::size_t entry_count() const { return entry_count_.load(std::memory_order_acquire); }
  std::uint32_t entry_row(std::size_t i) const {
    return entry_rows_[i].load(std::memory_order_relaxed);
  }
  const std::byte* entry_code(std::size_t i) const {
    return entry_codes_.at(static_cast<std::uint32_t>(i));
  }
  std::size_t memory_bytes() const;

  std::unique_ptr<Scratch> take_scratch() const;
  void give_scratch(std::unique_ptr<Scratch> scratch) const;

  // Calls body with the code this graph is walked with.
  template <class Body>
  decltype(auto) with_code(Body&& body) const {
    if (int8_) return body(int8_code_);
    return body(float_code_);
  }

  static constexpr std::size_t kMaxEntries = 1024;
  static constexpr std::uint32_t kMaxLongEntries = 64;

 private:
  friend class Linker;
  void encode(std::size_t first, std::size_t last, int threads);
  void add_entry(std::uint32_t row);
  void offer_entry(std::uint32_t row);
  bool is_long(std::uint32_t row) const;
  std::uint64_t* deleted_word(std::uint32_t row) const {
    return reinterpret_cast<std::uint64_t*>(deleted_.at(row >> 6));
  }
  std::mutex& lock_of(std::uint32_t row) const { return locks_[row & (kLocks - 1)]; }

  static constexpr std::size_t kLocks = 1024;

  GraphOptions options_;
  bool int8_;
  Int8Code int8_code_;
  FloatCode float_code_;
  RowStore vectors_;
  RowStore own_codes_;
  RowStore* codes_;
  RowStore links_;
  RowStore deleted_;
  RowStore entry_codes_;
  std::array<std::atomic<std::uint32_t>, kMaxEntries> entry_rows_{};
  std::atomic<std::uint32_t> entry_count_{0};
  std::atomic<std::uint32_t> long_entries_{0};
  std::atomic<std::size_t> rows_{0};
  std::atomic<std::size_t> linked_{0};
  std::atomic<std::size_t> deleted_count_{0};
  std::mutex entry_lock_;
  std::unique_ptr<std::mutex[]> locks_;
  mutable std::mutex scratch_lock_;
  mutable std::vector<std::unique_ptr<Scratch>> scratch_;
};

// Gives scratch back when the walk is over, also by exception.
class ScratchLease {
 public:
  explicit ScratchLease(const Graph& graph) : graph_(graph), scratch_(graph.take_scratch()) {}
  ~ScratchLease() { graph_.give_scratch(std::move(scratch_)); }
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;
  Scratch& operator*() { return *scratch_; }

 private:
  const Graph& graph_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace ruvector
