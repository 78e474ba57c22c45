// How many bytes of vectors were read for this request? Counted where somebody asks.
//
// A thread works for at most one meter at a time; `parallel_for` hands it on to its threads. Reads
// are told once a search, not once a row. Without a meter that costs a nanosecond.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ruvector {

class Meter {
 public:
  void add(std::size_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> bytes_{0};
};

inline thread_local Meter* current_meter = nullptr;

// `bytes()` says how many; it is asked only where somebody counts.
template <class Bytes>
void read_vectors(Bytes&& bytes) {
  if (current_meter != nullptr) current_meter->add(bytes());
}

// Works for a meter as long as it lives.
class MeterScope {
 public:
  explicit MeterScope(Meter* meter) : before_(current_meter) { current_meter = meter; }
  ~MeterScope() { current_meter = before_; }
  MeterScope(const MeterScope&) = delete;
  MeterScope& operator=(const MeterScope&) = delete;

 private:
  Meter* before_;
};

}  // namespace ruvector
