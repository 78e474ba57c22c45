#include "residency.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace ruvector {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

#if defined(__linux__)
std::uintptr_t page_bytes() {
  static const auto bytes = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}
#endif

}  // namespace

void* pin_copy(const void* source, std::size_t bytes) {
  // Small arrays get no huge page of their own.
  const std::size_t unit = bytes < kHugePage ? 64 : kHugePage;
  const std::size_t whole = std::max(unit, (bytes + unit - 1) / unit * unit);
  void* memory = std::aligned_alloc(unit, whole);
  if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (unit == kHugePage) madvise(memory, whole, MADV_HUGEPAGE);
#endif
  if (bytes > 0) std::memcpy(memory, source, bytes);
  return memory;
}

void free_pinned(void* memory) noexcept { std::free(memory); }

void advise(const void* start, std::size_t bytes, Access access) {
#if defined(__linux__)
  const std::uintptr_t page = page_bytes();
  const auto first = reinterpret_cast<std::uintptr_t>(start);
  const std::uintptr_t last = first + bytes;
  const bool is_inner = access == Access::Drop;
  const std::uintptr_t from = is_inner ? (first + page - 1) / page * page : first / page * page;
  const std::uintptr_t to = is_inner ? last / page * page : last;
  if (to <= from) return;
  const int advice = access == Access::Random     ? MADV_RANDOM
                     : access == Access::WillNeed ? MADV_WILLNEED
                                                  : MADV_DONTNEED;
  madvise(reinterpret_cast<void*>(from), to - from, advice);  // advice may be declined
#else
  (void)start, (void)bytes, (void)access;
#endif
}

std::size_t resident_bytes(const void* start, std::size_t bytes) {
#if defined(__linux__)
  if (bytes == 0) return 0;
  const std::uintptr_t page = page_bytes();
  const auto first = reinterpret_cast<std::uintptr_t>(start);
  const std::uintptr_t from = first / page * page;
  const std::size_t length = first + bytes - from;
  std::vector<unsigned char> pages((length + page - 1) / page);
  if (mincore(reinterpret_cast<void*>(from), length, pages.data()) != 0) return bytes;
  std::size_t resident = 0;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if ((pages[i] & 1) == 0) continue;
    const std::uintptr_t page_start = std::max(first, from + i * page);
    resident += std::min(first + bytes, from + (i + 1) * page) - page_start;
  }
  return resident;
#else
  (void)start;
  return bytes;
#endif
}

}  // namespace ruvector
