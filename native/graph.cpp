#include "graph.hpp"

#include <algorithm>
#include <stdexcept>

#include "threads.hpp"

namespace ruvector {
namespace {

// Below 64 dimensions a float32 row is no larger than a code with its cache line; manhattan has no
// integer kernel.
bool wants_int8(const GraphOptions& options) {
  return options.int8_codes && options.dim >= 64 && options.metric != Metric::Manhattan;
}

// A float32 row that needs no extra coordinate is its own code.
bool vectors_are_codes(const GraphOptions& options) {
  return !wants_int8(options) && options.element == Element::Float32 &&
         options.metric != Metric::Dot;
}

std::size_t code_bytes(const GraphOptions& options) {
  return wants_int8(options) ? Int8Code::row_bytes(options.dim)
                             : FloatCode::row_bytes(options.metric, options.dim);
}

}  // namespace

Graph::Graph(const GraphOptions& options)
    : options_(options),
      int8_(wants_int8(options)),
      int8_code_(options.metric, options.dim),
      float_code_(options.metric, options.dim),
      vectors_(options.dim * element_bytes(options.element)),
      own_codes_(code_bytes(options)),
      codes_(vectors_are_codes(options) ? &vectors_ : &own_codes_),
      links_(options.links_per_node * sizeof(std::uint32_t)),
      deleted_(sizeof(std::uint64_t)),
      entry_codes_(code_bytes(options)),
      locks_(new std::mutex[kLocks]) {
  // Alpha is meant for squared distances; L1 is not squared.
  if (options.metric == Metric::Manhattan) options_.alpha = std::sqrt(options.alpha);
}

void Graph::encode(std::size_t first, std::size_t last, int threads) {
  if (codes_ == &vectors_) return;
  const bool normalize = options_.metric == Metric::Cosine && options_.element == Element::UInt8;
  constexpr std::size_t kGrain = 256;
  parallel_for((last - first + kGrain - 1) / kGrain, threads, 1, [&](std::size_t part) {
    std::vector<float> buffer(options_.dim);
    const std::size_t stop = std::min(last, first + (part + 1) * kGrain);
    for (std::size_t i = first + part * kGrain; i < stop; ++i) {
      const auto row = static_cast<std::uint32_t>(i);
      row_to_float(vectors_.at(row), options_.element, options_.dim, normalize, buffer.data());
      if (int8_) int8_code_.encode(buffer.data(), options_.norm_limit, codes_->at(row));
      else float_code_.encode(buffer.data(), options_.norm_limit, codes_->at(row));
    }
  });
}

void Graph::view_vectors(const void* vectors, std::size_t rows, int threads) {
  if (rows > kMaxRows) throw std::length_error("a graph holds at most 2147483647 rows");
  vectors_.view(vectors, rows);
  if (codes_ != &vectors_) codes_->reserve(rows);
  links_.reserve(rows);
  deleted_.reserve(rows / 64 + 1);
  for (std::size_t i = 0; i <= rows / 64; ++i)
    *deleted_word(static_cast<std::uint32_t>(i * 64)) = 0;
  for (std::size_t i = 0; i < rows; ++i)
    std::fill_n(links(static_cast<std::uint32_t>(i)), options_.links_per_node, kNoRow);
  encode(0, rows, threads);
  rows_.store(rows, std::memory_order_release);
}

void Graph::view_stored(const void* vectors, std::size_t rows, const std::uint32_t* links,
                        const void* codes, const std::uint32_t* entries, std::size_t entry_count) {
  vectors_.view(vectors, rows);
  links_.view(links, rows);
  if (codes_ != &vectors_) codes_->view(codes, rows);
  deleted_.reserve(rows / 64 + 1);
  for (std::size_t i = 0; i <= rows / 64; ++i)
    *deleted_word(static_cast<std::uint32_t>(i * 64)) = 0;
  rows_.store(rows, std::memory_order_release);
  linked_.store(rows, std::memory_order_release);
  for (std::size_t i = 0; i < entry_count; ++i) add_entry(entries[i]);
}

void Graph::restore(const std::uint32_t* stored, const std::uint32_t* entries,
                    std::size_t entry_count) {
  const std::size_t width = options_.links_per_node;
  for (std::size_t i = 0; i < rows(); ++i)
    for (std::size_t lane = 0; lane < width; ++lane)
      __atomic_store_n(links(static_cast<std::uint32_t>(i)) + lane, stored[i * width + lane],
                       __ATOMIC_RELEASE);
  for (std::size_t i = 0; i < entry_count; ++i) add_entry(entries[i]);
  linked_.store(entry_count > 0 ? rows() : 0, std::memory_order_release);
}

std::uint32_t Graph::append(const float* vectors, std::size_t count, int threads) {
  const std::size_t first = rows();
  const std::size_t last = first + count;
  if (last > kMaxRows) throw std::length_error("a graph holds at most 2147483647 rows");
  vectors_.reserve(last);
  if (codes_ != &vectors_) codes_->reserve(last);
  links_.reserve(last);
  deleted_.reserve(last / 64 + 1);
  for (std::size_t i = first; i < last; ++i) {
    const auto row = static_cast<std::uint32_t>(i);
    std::memcpy(vectors_.at(row), vectors + (i - first) * options_.dim, vectors_.row_bytes());
    std::fill_n(links(row), options_.links_per_node, kNoRow);
    if (row % 64 == 0) __atomic_store_n(deleted_word(row), std::uint64_t{0}, __ATOMIC_RELEASE);
  }
  encode(first, last, threads);
  rows_.store(last, std::memory_order_release);
  return static_cast<std::uint32_t>(first);
}

bool Graph::mark_removed(std::uint32_t row) {
  const std::uint64_t bit = std::uint64_t{1} << (row & 63);
  if (__atomic_fetch_or(deleted_word(row), bit, __ATOMIC_ACQ_REL) & bit) return false;
  deleted_count_.fetch_add(1, std::memory_order_acq_rel);
  return true;
}

void Graph::add_entry(std::uint32_t row) {
  const std::uint32_t count = entry_count_.load(std::memory_order_relaxed);
  if (count >= kMaxEntries) return;
  entry_codes_.reserve(count + 1);
  std::memcpy(entry_codes_.at(count), code(row), codes_->row_bytes());
  entry_rows_[count].store(row, std::memory_order_relaxed);
  entry_count_.store(count + 1, std::memory_order_release);
}

// Far beyond the sphere of a dot product graph: all rows are far from it, so none links to it, but
// it is the best answer to half of all queries.
bool Graph::is_long(std::uint32_t row) const {
  constexpr double kLong = 2.0;  // times the limit; up to there links lead to the row
  if (options_.metric != Metric::Dot) return false;
  const double limit = kLong * options_.norm_limit;
  return with_code([&](const auto& code) { return code.squared_norm(this->code(row)); }) >
         limit * limit;
}

// Keeps about sqrt(n) of the rows linked so far as entries: the n-th row when n is a square. The
// first long rows are entries as well, so that every walk looks at them.
void Graph::offer_entry(std::uint32_t row) {
  const std::size_t linked = linked_.fetch_add(1, std::memory_order_acq_rel) + 1;
  const std::size_t far = long_entries_.load(std::memory_order_acquire);
  const std::size_t count = entry_count() - far;
  const bool is_wanted = far < kMaxLongEntries && is_long(row);
  if (!is_wanted && count * count >= linked) return;
  const std::lock_guard<std::mutex> guard(entry_lock_);
  add_entry(row);
  if (is_wanted) long_entries_.fetch_add(1, std::memory_order_acq_rel);
}

std::size_t Graph::memory_bytes() const {
  const std::size_t count = rows();
  std::size_t bytes = count * links_.row_bytes() + count / 8 + entry_count() * codes_->row_bytes();
  if (codes_ != &vectors_) bytes += count * codes_->row_bytes();
  const std::lock_guard<std::mutex> guard(scratch_lock_);
  for (const auto& scratch : scratch_) bytes += scratch->seen.size() * sizeof(std::uint16_t);
  return bytes;
}

std::unique_ptr<Scratch> Graph::take_scratch() const {
  const std::lock_guard<std::mutex> guard(scratch_lock_);
  if (scratch_.empty()) return std::make_unique<Scratch>();
  auto scratch = std::move(scratch_.back());
  scratch_.pop_back();
  return scratch;
}

void Graph::give_scratch(std::unique_ptr<Scratch> scratch) const {
  constexpr std::size_t kKept = 16;
  const std::lock_guard<std::mutex> guard(scratch_lock_);
  if (scratch_.size() < kKept) scratch_.push_back(std::move(scratch));
}

}  // namespace ruvector
