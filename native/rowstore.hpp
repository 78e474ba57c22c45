// Where does row r live? Rows of one fixed size in chunks that never move, so that readers need no
// lock while a writer appends. Either owned (anonymous memory, huge pages asked for) or somebody
// else's block, for instance a mapped file, which owned chunks may follow.
//
// Threads: one thread at a time grows; any number read rows that were published to them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ruvector {

class RowStore {
 public:
  explicit RowStore(std::size_t row_bytes);
  ~RowStore();
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;

  // Takes `rows` rows that somebody else keeps alive, and that are written only if they may be.
  void view(const void* rows_at, std::size_t rows);
  // Makes room for rows [0, rows). One block if nothing was reserved before.
  // New memory holds anything.
  void reserve(std::size_t rows);

  std::byte* at(std::uint32_t row) const {
    return chunks_[row >> shift_].load(std::memory_order_acquire) + (row & mask_) * row_bytes_;
  }
  std::size_t row_bytes() const { return row_bytes_; }
  // What rows [0, rows) take: whole pages of memory of its own, plain bytes of a view.
  std::size_t memory_bytes(std::size_t rows) const;

 private:
  struct Block {
    void* memory;
    std::size_t bytes;
    std::size_t first_row;
    std::size_t huge_bytes;  // from its start, in huge pages
  };
  void* allocate(std::size_t bytes, std::size_t used);

  std::size_t row_bytes_;
  unsigned shift_ = 0;
  std::size_t mask_ = 0;
  std::size_t reserved_ = 0;
  std::atomic<std::byte*>* chunks_ = nullptr;
  std::vector<Block> blocks_;
};

}  // namespace ruvector
