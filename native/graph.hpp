// Which rows are near this one? A flat, updatable graph: each row has up to R links to rows near
// it.
//
// A row's links and codes lie in two stores, or with its neighbours' codes in one (node.hpp).
// Invariants: links of a row stand at the front of its place, the rest is kNoRow; a row's vector
// and code are written before the first link to it and never change; rows are never reused (a
// removed row is walked through and not returned; whoever owns the graph compacts it).
// Threads: one thread at a time appends; `link`, `remove` and `search` may run beside each other.
// Links are atomic words, written under a lock per group of rows and read without one. Codes of
// neighbours change with the links; a node's version tells a reader that it has to read again.
// What it does not do: ids, files, Python.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "codes.hpp"
#include "node.hpp"
#include "rabitq.hpp"
#include "rowstore.hpp"

namespace ruvector {

inline constexpr std::uint32_t kNoRow = 0xFFFFFFFF;
// Bit 31 of a row number marks rows already expanded in a beam.
inline constexpr std::uint32_t kMaxRows = 0x7FFFFFFF;
inline constexpr std::size_t kMaxLinks = 256;  // of one row

// What a walk compares. A graph takes the next one down where the wanted one does not fit: packed
// and int8 need 64 dimensions and an integer kernel, packed needs FastScan.
//   Floats: float32 rows.  Int8: an int8 code for each row.
//   Packed: int8 codes of rotated rows, each beside the sign codes of its neighbours.
enum class Layout : int { Floats = 0, Int8 = 1, Packed = 2 };

struct GraphOptions {
  std::size_t dim = 0;
  Metric metric = Metric::Cosine;
  Element element = Element::Float32;
  std::uint32_t links_per_node = 32;
  std::uint32_t build_beam = 200;
  float alpha = 1.2F;
  double norm_limit = 0;  // the longest row, for dot product
  Layout layout = Layout::Packed;
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
  std::vector<float> rotated;  // a packed graph's query, and room to make its table
  std::vector<float> lengthened;
  std::vector<float> unit;
  SignQuery signs;
  std::size_t distances = 0;

  void begin(std::size_t rows) {
    if (seen.size() < rows) seen.resize(rows + rows / 8 + 64);
    if (++epoch == 0) {
      std::fill(seen.begin(), seen.end(), std::uint16_t{0});
      epoch = 1;
    }
    distances = 0;
  }
  float* room_for(std::size_t dim) {
    if (rotated.size() < 5 * dim) rotated.resize(5 * dim);
    return rotated.data();
  }
  bool meet(std::uint32_t row) {
    if (seen[row] == epoch) return false;
    seen[row] = epoch;
    return true;
  }
};

// A node's version is odd while one of these lives; the row's lock is held.
class NodeWrite {
 public:
  explicit NodeWrite(std::uint32_t* version) : version_(version) {
    __atomic_store_n(version_, *version_ + 1, __ATOMIC_RELAXED);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~NodeWrite() { __atomic_store_n(version_, *version_ + 1, __ATOMIC_RELEASE); }
  NodeWrite(const NodeWrite&) = delete;
  NodeWrite& operator=(const NodeWrite&) = delete;

 private:
  std::uint32_t* version_;
};

class Graph {
 public:
  explicit Graph(const GraphOptions& options);

  // The rows.
  void view_vectors(const void* vectors, std::size_t rows, int threads);  // and encodes them
  void view_stored(const void* vectors, std::size_t rows, const std::uint32_t* links,
                   const void* codes, const std::uint32_t* entries, std::size_t entry_count);
  void view_nodes(const void* vectors, std::size_t rows, const void* nodes,
                  const std::uint32_t* entries, std::size_t entry_count);
  // Gives appended rows the links of a stored graph; every number was checked by the caller.
  void restore(const std::uint32_t* links, const std::uint32_t* entries, std::size_t entry_count,
               int threads);
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
  // Leads all links to removed rows around them.
  void mend(int threads);
  // Takes the rows of another graph that are not removed, with their links; this one is empty.
  void copy_living(const Graph& from, int threads);
  std::size_t connect_unreached(int threads);  // returns how many rows no walk could reach

  // Reading.
  const GraphOptions& options() const { return options_; }
  Layout layout() const { return layout_; }
  bool is_packed() const { return layout_ == Layout::Packed; }
  bool codes_are_vectors() const { return codes_ == &vectors_; }
  const NodeLayout& node() const { return node_; }
  const Int8Code& int8_code() const { return int8_code_; }
  const RowStore& vectors() const { return vectors_; }
  const RowStore& codes() const { return *codes_; }       // nodes, if packed
  const RowStore& link_store() const { return *links_; }  // nodes, if packed
  std::size_t link_bytes() const { return options_.links_per_node * sizeof(std::uint32_t); }
  std::size_t code_bytes() const { return code_bytes_; }
  const std::byte* code(std::uint32_t row) const { return codes_->at(row) + code_at_; }
  std::uint32_t* links(std::uint32_t row) const {
    return reinterpret_cast<std::uint32_t*>(links_->at(row));
  }
  // What a packed graph's rows are relative to, rotated; set before the first row or never.
  const std::vector<float>& center() const { return center_; }
  void set_center(const float* center) { center_.assign(center, center + node_.dim); }
  std::byte* node_at(std::uint32_t row) const { return codes_->at(row); }
  std::uint32_t* version(std::uint32_t row) const {
    return reinterpret_cast<std::uint32_t*>(node_at(row) + node_.header_at);
  }
  // Prepares a user's query for the code; a packed graph's also for its neighbours' codes.
  CodeQuery search_query(const float* vector, Scratch& scratch) const;
  // Prepares a stored row the same way: its code must be int8.
  CodeQuery row_search_query(std::uint32_t row, Scratch& scratch) const;
  std::size_t entry_count() const { return entry_count_.load(std::memory_order_acquire); }
  std::uint32_t entry_row(std::size_t i) const {
    return entry_rows_[i].load(std::memory_order_relaxed);
  }
  const std::byte* entry_code(std::size_t i) const {
    if (is_packed()) return code(entry_row(i));
    return entry_codes_.at(static_cast<std::uint32_t>(i));
  }
  // Of a packed graph: the codes of 32 entries, relative to the first entry of all.
  const std::byte* entry_block(std::size_t block) const {
    return entry_codes_.at(static_cast<std::uint32_t>(block));
  }
  // How much wider a beam of estimates must be than one of codes to find as much; 0: walk by codes.
  // Always 0 where the graph is not packed.
  float stretch() const { return stretch_.load(std::memory_order_relaxed); }
  void set_stretch(float stretch) { stretch_.store(is_packed() ? stretch : 0.0F); }
  std::size_t memory_bytes() const;

  std::unique_ptr<Scratch> take_scratch() const;
  void give_scratch(std::unique_ptr<Scratch> scratch) const;

  // Calls body with the code this graph is walked with.
  template <class Body>
  decltype(auto) with_code(Body&& body) const {
    if (layout_ != Layout::Floats) return body(int8_code_);
    return body(float_code_);
  }

  static constexpr std::size_t kMaxEntries = 1024;
  static constexpr std::uint32_t kMaxLongEntries = 64;

 private:
  friend class Linker;
  void encode(std::size_t first, std::size_t last, int threads);
  void encode_node(const float* vector, float* rotated, std::byte* node) const;
  void center_on(std::size_t rows);
  void read_row(std::uint32_t row, float* out) const;
  void rotate(const float* vector, float* rotated) const;
  void clear_removals(std::size_t rows);
  void show_stored(const void* vectors, std::size_t rows, const std::uint32_t* entries,
                   std::size_t entry_count);
  // Both under the row's lock. `write_links` leaves the lanes of links that stay alone.
  // The first `settled` of them do not hide each other.
  void write_links(std::uint32_t row, const Candidate* chosen, std::size_t count,
                   std::size_t settled);
  void write_link(std::uint32_t row, std::size_t lane, std::uint32_t link);
  ScaledVector scaled_vector(std::uint32_t row) const {
    return {reinterpret_cast<const std::int8_t*>(code(row)), int8_code_.scale_of(code(row))};
  }
  void write_lane_of(std::uint32_t row, std::size_t lane, std::uint32_t link);
  // Lanes whose links do not hide each other: pruning need not compare them again.
  bool is_settled(std::uint32_t row, std::size_t lane) const {
    return static_cast<unsigned>(settled_.at(row)[lane / 8]) >> (lane % 8) & 1;
  }
  void settle(std::uint32_t row, std::size_t lane, bool settled) {
    const auto bit = static_cast<std::byte>(1U << (lane % 8));
    std::byte& lanes = settled_.at(row)[lane / 8];
    lanes = settled ? lanes | bit : lanes & ~bit;
  }
  void clear_links(std::size_t first, std::size_t last);
  void reserve_links(std::size_t rows);
  void add_entry(std::uint32_t row);
  void offer_entry(std::uint32_t row);
  bool is_long(std::uint32_t row) const;
  std::uint64_t* deleted_word(std::uint32_t row) const {
    return reinterpret_cast<std::uint64_t*>(deleted_.at(row >> 6));
  }
  std::mutex& lock_of(std::uint32_t row) const { return locks_[row & (kLocks - 1)]; }

  static constexpr std::size_t kLocks = 1024;

  GraphOptions options_;
  Layout layout_;
  NodeLayout node_;
  std::unique_ptr<Rotation> rotation_;
  std::vector<float> center_;  // empty until there are rows
  Int8Code int8_code_;
  FloatCode float_code_;
  std::size_t code_at_;    // of a code in its row
  std::size_t code_bytes_;
  RowStore vectors_;
  RowStore own_codes_;
  RowStore own_links_;
  RowStore* codes_;
  RowStore* links_;
  RowStore settled_;
  RowStore deleted_;
  RowStore entry_codes_;
  std::array<std::atomic<std::uint32_t>, kMaxEntries> entry_rows_{};
  std::atomic<std::uint32_t> entry_count_{0};
  std::atomic<std::uint32_t> long_entries_{0};
  std::atomic<std::size_t> rows_{0};
  std::atomic<std::size_t> linked_{0};
  std::atomic<std::size_t> deleted_count_{0};
  std::atomic<float> stretch_{0};
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
