#include "rowstore.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ruvector {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kHugePage = 4096;  // the ends of small stores are watched, and made quickly
#else
constexpr std::size_t kHugePage = std::size_t{2} << 20;
#endif
constexpr std::size_t kPage = 4096;
constexpr std::size_t kMaxChunks = 65536;
constexpr std::size_t kTableBytes = kMaxChunks * sizeof(std::atomic<std::byte*>);

std::size_t whole(std::size_t bytes, std::size_t page) { return (bytes + page - 1) / page * page; }

// Memory of its own that begins at a huge page, `bytes` a multiple of one. Not from malloc, which
// keeps what is freed: an index of 10,000 x 384 held 2.6 times its own bytes after it was built.
// AddressSanitizer knows the ends of what malloc gives only.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
void* map(std::size_t bytes) {
  const std::size_t more = bytes + kHugePage;
  void* start = mmap(nullptr, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) throw std::bad_alloc();
  const auto at = reinterpret_cast<std::uintptr_t>(start);
  const std::size_t before = (kHugePage - at % kHugePage) % kHugePage;
  auto* memory = static_cast<std::byte*>(start) + before;
  if (before > 0) munmap(start, before);
  munmap(memory + bytes, more - before - bytes);
  return memory;
}
void unmap(void* memory, std::size_t bytes) { munmap(memory, bytes); }
// Zeros that take no memory before they are written. Not calloc: once a mapping of this size was
// freed, malloc takes the next from its heap and writes 512 KiB of zeros for each of six stores.
void* zeros(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}
#else
void* map(std::size_t bytes) {
  void* memory = std::aligned_alloc(kHugePage, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void unmap(void* memory, std::size_t) { std::free(memory); }
void* zeros(std::size_t bytes) {
  void* memory = std::calloc(1, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
#endif

}  // namespace

RowStore::RowStore(std::size_t row_bytes) : row_bytes_(row_bytes) {
  // A chunk holds a power of two of rows and at least one huge page, but never fewer than 64 rows:
  // 65,536 chunks of 64 rows are the four million rows that the widest vectors may have.
  shift_ = 6;
  while ((row_bytes_ << shift_) < kHugePage) ++shift_;
  mask_ = (std::size_t{1} << shift_) - 1;
  // 512 KiB of address space, not of memory.
  chunks_ = static_cast<std::atomic<std::byte*>*>(zeros(kTableBytes));
}

RowStore::~RowStore() {
  for (const Block& block : blocks_) unmap(block.memory, block.bytes);
  unmap(chunks_, kTableBytes);
}

void RowStore::view(const void* rows_at, std::size_t rows) {
  if (reserved_ != 0) throw std::logic_error("a store that owns rows cannot become a view");
  if (((rows + mask_) >> shift_) > kMaxChunks)
    throw std::length_error("too many rows for one graph");
  auto* base = static_cast<std::byte*>(const_cast<void*>(rows_at));
  for (std::size_t chunk = 0; chunk << shift_ < rows; ++chunk)
    chunks_[chunk].store(base + (chunk << shift_) * row_bytes_, std::memory_order_release);
  reserved_ = rows;
}

void RowStore::reserve(std::size_t rows) {
  if (rows <= reserved_) return;
  const std::size_t first = reserved_ >> shift_;
  const std::size_t last = (rows + mask_) >> shift_;
  if (last > kMaxChunks) throw std::length_error("too many rows for one graph");
  const std::size_t chunk_bytes = row_bytes_ << shift_;
  const std::size_t used = (rows - (first << shift_)) * row_bytes_;
  auto* memory = static_cast<std::byte*>(allocate((last - first) * chunk_bytes, used));
  // A view may end within a chunk: its last rows move, and stay where they were for readers.
  if (const std::size_t rest = reserved_ & mask_; rest > 0)
    std::memcpy(memory, chunks_[first].load(std::memory_order_relaxed), rest * row_bytes_);
  for (std::size_t chunk = first; chunk < last; ++chunk)
    chunks_[chunk].store(memory + (chunk - first) * chunk_bytes, std::memory_order_release);
  reserved_ = last << shift_;
}

// Huge pages are for rows that fill them: of a batch of rows the last ones take small pages, or
// 10,000 x 384 would take 14 % more than they need. Rows that come one by one will fill what the
// first of them gets, but for the first chunk, which a few small rows may be all of.
void* RowStore::allocate(std::size_t bytes, std::size_t used) {
  bytes = whole(bytes, kHugePage);
  std::size_t huge = used / kHugePage * kHugePage;
  if (huge == 0 && reserved_ > 0) huge = bytes;
  blocks_.reserve(blocks_.size() + 1);
  void* memory = map(bytes);
#if defined(__linux__)
  if (huge > 0) madvise(memory, huge, MADV_HUGEPAGE);
#endif
  blocks_.push_back({memory, bytes, reserved_ & ~mask_, huge});
  return memory;
}

std::size_t RowStore::memory_bytes(std::size_t rows) const {
  std::size_t bytes = 0, viewed = rows;
  for (const Block& block : blocks_) {
    viewed = std::min(viewed, block.first_row);
    if (rows <= block.first_row) break;
    const std::size_t used = std::min((rows - block.first_row) * row_bytes_, block.bytes);
    const std::size_t huge = std::min(used, block.huge_bytes);
    bytes += whole(huge, kHugePage) + whole(used - huge, kPage);
  }
  return bytes + viewed * row_bytes_;
}

}  // namespace ruvector
