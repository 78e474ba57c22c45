// When must a loop stop before it is done? When the time of the request that it works for is over.
//
// A thread works for at most one deadline at a time, which it entered; `parallel_for` hands it on
// to its threads. Long loops call check_deadline() now and then: every 0.1 ms is plenty. Without a
// deadline that costs a nanosecond. Cancelling is a deadline that has passed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>

namespace ruvector {

class DeadlinePassed : public std::exception {
 public:
  const char* what() const noexcept override { return "the deadline has passed"; }
};

class Deadline {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  explicit Deadline(double seconds) : at_(kNever) {
    if (seconds < 1e9) at_ = now() + static_cast<std::int64_t>(seconds * 1e9);
  }
  // Any thread may cancel.
  void cancel() { at_.store(0, std::memory_order_relaxed); }
  bool was_cancelled() const { return at_.load(std::memory_order_relaxed) == 0; }
  bool has_passed() const {
    const std::int64_t at = at_.load(std::memory_order_relaxed);
    return at != kNever && (at == 0 || now() >= at);
  }

 private:
  static std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  std::atomic<std::int64_t> at_;
};

inline thread_local const Deadline* current_deadline = nullptr;

inline void check_deadline() {
  if (current_deadline != nullptr && current_deadline->has_passed()) throw DeadlinePassed();
}

// Works for a deadline as long as it lives.
class DeadlineScope {
 public:
  explicit DeadlineScope(const Deadline* deadline) : before_(current_deadline) {
    current_deadline = deadline;
  }
  ~DeadlineScope() { current_deadline = before_; }
  DeadlineScope(const DeadlineScope&) = delete;
  DeadlineScope& operator=(const DeadlineScope&) = delete;

 private:
  const Deadline* before_;
};

// Of a scan: a few hundred microseconds.
inline constexpr std::size_t kRowsBetweenChecks = 4096;

// For loops whose steps take a microsecond or less.
class Pulse {
 public:
  void beat() {
    if ((++beats_ & 63) == 0) check_deadline();
  }

 private:
  std::size_t beats_ = 0;
};

}  // namespace ruvector
