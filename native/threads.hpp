// How is a loop shared between threads? Plain threads that live as long as the loop, so that
// nothing is alive at import and a fork between two calls is harmless.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "deadline.hpp"
#include "meter.hpp"

namespace ruvector {

// 0 asks for every core.
inline std::size_t thread_count(int asked, std::size_t jobs) {
  std::size_t count =
      asked > 0 ? static_cast<std::size_t>(asked) : std::thread::hardware_concurrency();
  if (count > 256) count = 256;
  if (count > jobs) count = jobs;
  return count == 0 ? 1 : count;
}

// Calls body(i) for i in [0, jobs), `grain` at a time; rethrows the first exception.
template <class Body>
void parallel_for(std::size_t jobs, int threads, std::size_t grain, Body&& body) {
  const std::size_t count = thread_count(threads, (jobs + grain - 1) / grain);
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  std::mutex failure_lock;
  auto work = [&] {
    try {
      while (!failed.load(std::memory_order_relaxed)) {
        const std::size_t start = next.fetch_add(grain, std::memory_order_relaxed);
        if (start >= jobs) return;
        check_deadline();
        const std::size_t stop = start + grain < jobs ? start + grain : jobs;
        for (std::size_t i = start; i < stop; ++i) body(i);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> guard(failure_lock);
      if (!failure) failure = std::current_exception();
      failed.store(true, std::memory_order_relaxed);
    }
  };
  auto help = [&work, deadline = current_deadline, meter = current_meter] {
    const DeadlineScope scope(deadline);
    const MeterScope counting(meter);
    work();
  };
  std::vector<std::thread> pool;
  for (std::size_t i = 1; i < count; ++i) {
    try {
      pool.emplace_back(help);
    } catch (const std::system_error&) {
      break;  // no more threads to be had: the ones there are do the work
    }
  }
  work();
  for (std::thread& thread : pool) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace ruvector
