#include "graph.hpp"

#include <algorithm>
#include <stdexcept>

#include "threads.hpp"

namespace ruvector {
namespace {

constexpr std::size_t kMaxRotated = 65536;

// A rotated row; dot product adds a coordinate.
std::size_t padded_dim(const GraphOptions& options) {
  const std::size_t dim = options.dim + (options.metric == Metric::Dot ? 1 : 0);
  return (dim + 31) / 32 * 32;
}

// Below 64 dimensions a float32 row is no larger than a code with its cache line; manhattan has no
// integer kernel.
Layout fitting_layout(const GraphOptions& options) {
  if (options.dim < 64 || options.metric == Metric::Manhattan) return Layout::Floats;
  if (options.layout == Layout::Packed && (!has_fastscan() || padded_dim(options) > kMaxRotated))
    return Layout::Int8;
  return options.layout;
}

// A float32 row that needs no extra coordinate is its own code.
bool vectors_are_codes(const GraphOptions& options) {
  return fitting_layout(options) == Layout::Floats && options.element == Element::Float32 &&
         options.metric != Metric::Dot;
}

std::size_t bytes_of_code(const GraphOptions& options, Layout layout) {
  if (layout == Layout::Packed) return padded_dim(options);
  return layout == Layout::Int8 ? Int8Code::row_bytes(options.dim)
                                : FloatCode::row_bytes(options.metric, options.dim);
}

NodeLayout node_of(const GraphOptions& options, Layout layout) {
  if (layout != Layout::Packed) return {};
  return {padded_dim(options), options.links_per_node};
}

}  // namespace

Graph::Graph(const GraphOptions& options)
    : options_(options),
      layout_(fitting_layout(options)),
      node_(node_of(options, layout_)),
      int8_code_(is_packed() ? Int8Code::of_nodes(node_.dim)
                             : Int8Code(options.metric, options.dim)),
      float_code_(options.metric, options.dim),
      code_at_(node_.vector_at),
      code_bytes_(bytes_of_code(options, layout_)),
      vectors_(options.dim * element_bytes(options.element)),
      own_codes_(is_packed() ? node_.bytes : code_bytes_),
      own_links_(options.links_per_node * sizeof(std::uint32_t)),
      codes_(vectors_are_codes(options) ? &vectors_ : &own_codes_),
      links_(is_packed() ? &own_codes_ : &own_links_),
      settled_((options.links_per_node + 7) / 8),
      deleted_(sizeof(std::uint64_t)),
      entry_codes_(is_packed() ? node_.block_bytes : code_bytes_),
      locks_(new std::mutex[kLocks]) {
  options_.layout = layout_;
  set_stretch(1);
  if (is_packed())
    rotation_ = std::make_unique<Rotation>(
        options.dim + (options.metric == Metric::Dot ? 1 : 0), node_.dim);
  // Alpha is meant for squared distances; L1 is not squared.
  if (options.metric == Metric::Manhattan) options_.alpha = std::sqrt(options.alpha);
}

void Graph::encode(std::size_t first, std::size_t last, int threads) {
  if (codes_ == &vectors_) return;
  if (is_packed() && center_.empty() && last > 0) center_on(last);
  const bool normalize = options_.metric == Metric::Cosine && options_.element == Element::UInt8;
  constexpr std::size_t kGrain = 256;
  parallel_for((last - first + kGrain - 1) / kGrain, threads, 1, [&](std::size_t part) {
    std::vector<float> buffer(options_.dim + 1);
    std::vector<float> rotated(node_.dim);
    const std::size_t stop = std::min(last, first + (part + 1) * kGrain);
    for (std::size_t i = first + part * kGrain; i < stop; ++i) {
      const auto row = static_cast<std::uint32_t>(i);
      if (is_packed()) {
        read_row(row, buffer.data());
        encode_node(buffer.data(), rotated.data(), node_at(row));
        continue;
      }
      row_to_float(vectors_.at(row), options_.element, options_.dim, normalize, buffer.data());
      if (layout_ == Layout::Int8)
        int8_code_.encode(buffer.data(), options_.norm_limit, codes_->at(row));
      else float_code_.encode(buffer.data(), options_.norm_limit, codes_->at(row));
    }
  });
}

// Estimates lose what the query and the rows have in common, so it is taken away: the mean of the
// first rows, rotated.
void Graph::center_on(std::size_t rows) {
  constexpr std::size_t kSample = 4096;
  const std::size_t step = std::max<std::size_t>(rows / kSample, 1);
  std::vector<float> vector(options_.dim + 1);
  std::vector<float> rotated(node_.dim);
  std::vector<double> sums(node_.dim);
  std::size_t count = 0;
  for (std::size_t i = 0; i < rows; i += step, ++count) {
    read_row(static_cast<std::uint32_t>(i), vector.data());
    rotation_->apply(vector.data(), rotated.data());
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += rotated[j];
  }
  center_.assign(node_.dim, 0.0F);
  for (std::size_t j = 0; j < sums.size() && count > 0; ++j)
    center_[j] = static_cast<float>(sums[j] / static_cast<double>(count));
}

// A row as the packed graph sees it before rotation; one number longer for dot product.
void Graph::read_row(std::uint32_t row, float* out) const {
  const bool normalize = options_.metric == Metric::Cosine && options_.element == Element::UInt8;
  row_to_float(vectors_.at(row), options_.element, options_.dim, normalize, out);
  if (options_.metric == Metric::Dot)
    out[options_.dim] = extra_coordinate(squared_length(out, options_.dim), options_.norm_limit);
}

void Graph::rotate(const float* vector, float* rotated) const {
  rotation_->apply(vector, rotated);
  for (std::size_t i = 0; i < center_.size(); ++i) rotated[i] -= center_[i];
}

// A node without links.
void Graph::encode_node(const float* vector, float* rotated, std::byte* node) const {
  rotate(vector, rotated);
  std::memset(node, 0, node_.bytes);
  std::fill_n(reinterpret_cast<std::uint32_t*>(node), node_.lanes, kNoRow);
  for (std::size_t lane = 0; lane < node_.lanes; ++lane)
    clear_lane(node_.dim, lane % kLanes, node + node_.block_at(lane / kLanes));
  int8_code_.encode(rotated, 0, node + code_at_);
  if (options_.metric == Metric::Dot) {
    const double limit = options_.norm_limit * options_.norm_limit;
    const double excess = std::max(squared_length(vector, options_.dim) - limit, 0.0);
    int8_code_.set_excess(static_cast<float>(excess), node + code_at_);
  }
}

CodeQuery Graph::search_query(const float* vector, Scratch& scratch) const {
  const std::size_t bytes = code_bytes_ + 64;
  if (scratch.query.size() < bytes) scratch.query.resize(bytes);
  if (!is_packed())
    return with_code(
        [&](const auto& code) { return code.search_query(vector, scratch.query.data()); });
  float* rotated = scratch.room_for(node_.dim);
  if (options_.metric == Metric::Dot) {
    // As long as the rows, which changes no order: estimates are off by a share of both lengths.
    const double length = std::sqrt(squared_length(vector, options_.dim));
    const double factor = length > 0 ? options_.norm_limit / length : 0.0;
    scratch.lengthened.resize(options_.dim + 1);
    for (std::size_t i = 0; i < options_.dim; ++i)
      scratch.lengthened[i] = static_cast<float>(vector[i] * factor);
    scratch.lengthened[options_.dim] = 0.0F;
    vector = scratch.lengthened.data();
  }
  rotate(vector, rotated);
  scratch.signs.prepare(rotated, node_.dim, rotated + node_.dim);
  return int8_code_.search_query(rotated, scratch.query.data());
}

CodeQuery Graph::row_search_query(std::uint32_t row, Scratch& scratch) const {
  const auto* codes = reinterpret_cast<const std::int8_t*>(code(row));
  const float scale = int8_code_.scale_of(code(row));
  float* rotated = scratch.room_for(node_.dim);
  for (std::size_t i = 0; i < node_.dim; ++i) rotated[i] = scale * static_cast<float>(codes[i]);
  scratch.signs.prepare(rotated, node_.dim, rotated + node_.dim);
  return int8_code_.row_query(code(row));
}

void Graph::write_lane_of(std::uint32_t row, std::size_t lane, std::uint32_t link) {
  std::byte* block = node_at(row) + node_.block_at(lane / kLanes);
  if (link == kNoRow) {
    clear_lane(node_.dim, lane % kLanes, block);
  } else {
    write_lane(scaled_vector(row), scaled_vector(link), int8_code_.excess_of(code(link)), node_.dim,
               lane % kLanes, block);
  }
  __atomic_store_n(links(row) + lane, link, __ATOMIC_RELEASE);
}

void Graph::reserve_links(std::size_t rows) {
  links_->reserve(rows);
  settled_.reserve(rows);
}

void Graph::clear_links(std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) {
    const auto row = static_cast<std::uint32_t>(i);
    std::fill_n(links(row), options_.links_per_node, kNoRow);
    std::fill_n(settled_.at(row), settled_.row_bytes(), std::byte{0});
  }
}

void Graph::write_link(std::uint32_t row, std::size_t lane, std::uint32_t link) {
  settle(row, lane, false);
  if (!is_packed()) {
    __atomic_store_n(links(row) + lane, link, __ATOMIC_RELEASE);
    return;
  }
  const NodeWrite write(version(row));
  write_lane_of(row, lane, link);
}

void Graph::write_links(std::uint32_t row, const Candidate* chosen, std::size_t count,
                        std::size_t settled) {
  std::uint32_t* stored = links(row);
  const std::size_t width = options_.links_per_node;
  if (!is_packed()) {
    for (std::size_t i = 0; i < width; ++i) {
      settle(row, i, i < settled);
      __atomic_store_n(stored + i, i < count ? chosen[i].row : kNoRow, __ATOMIC_RELEASE);
    }
    return;
  }
  std::array<std::uint32_t, kMaxLinks> fresh;  // places in `chosen`
  std::array<bool, kMaxLinks> stays{};
  std::size_t fresh_count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t lane = 0;
    while (lane < count && stored[lane] != chosen[i].row) ++lane;
    if (lane == count) {
      fresh[fresh_count++] = static_cast<std::uint32_t>(i);
      continue;
    }
    stays[lane] = true;
    settle(row, lane, i < settled);
  }
  const NodeWrite write(version(row));
  for (std::size_t lane = 0; lane < width; ++lane) {
    if (lane < count && !stays[lane]) {
      const std::uint32_t i = fresh[--fresh_count];
      settle(row, lane, i < settled);
      write_lane_of(row, lane, chosen[i].row);
    }
    if (lane >= count && stored[lane] != kNoRow) write_lane_of(row, lane, kNoRow);
  }
}

void Graph::view_vectors(const void* vectors, std::size_t rows, int threads) {
  if (rows > kMaxRows) throw std::length_error("a graph holds at most 2147483647 rows");
  vectors_.view(vectors, rows);
  if (codes_ != &vectors_) codes_->reserve(rows);
  reserve_links(rows);
  clear_removals(rows);
  encode(0, rows, threads);
  clear_links(0, rows);
  rows_.store(rows, std::memory_order_release);
}

void Graph::view_stored(const void* vectors, std::size_t rows, const std::uint32_t* links,
                        const void* codes, const std::uint32_t* entries, std::size_t entry_count) {
  links_->view(links, rows);
  if (codes_ != &vectors_) codes_->view(codes, rows);
  show_stored(vectors, rows, entries, entry_count);
}

void Graph::view_nodes(const void* vectors, std::size_t rows, const void* nodes,
                       const std::uint32_t* entries, std::size_t entry_count) {
  codes_->view(nodes, rows);
  show_stored(vectors, rows, entries, entry_count);
}

void Graph::show_stored(const void* vectors, std::size_t rows, const std::uint32_t* entries,
                        std::size_t entry_count) {
  vectors_.view(vectors, rows);
  settled_.reserve(rows);
  for (std::size_t i = 0; i < rows; ++i)
    std::fill_n(settled_.at(static_cast<std::uint32_t>(i)), settled_.row_bytes(), std::byte{0});
  clear_removals(rows);
  rows_.store(rows, std::memory_order_release);
  linked_.store(rows, std::memory_order_release);
  for (std::size_t i = 0; i < entry_count; ++i) add_entry(entries[i]);
}

void Graph::clear_removals(std::size_t rows) {
  deleted_.reserve(rows / 64 + 1);
  for (std::size_t i = 0; i <= rows / 64; ++i)
    *deleted_word(static_cast<std::uint32_t>(i * 64)) = 0;
}

void Graph::restore(const std::uint32_t* stored, const std::uint32_t* entries,
                    std::size_t entry_count, int threads) {
  const std::size_t width = options_.links_per_node;
  parallel_for(rows(), threads, 64, [&](std::size_t i) {
    for (std::size_t lane = 0; lane < width; ++lane)
      write_link(static_cast<std::uint32_t>(i), lane, stored[i * width + lane]);
  });
  for (std::size_t i = 0; i < entry_count; ++i) add_entry(entries[i]);
  linked_.store(entry_count > 0 ? rows() : 0, std::memory_order_release);
}

std::uint32_t Graph::append(const float* vectors, std::size_t count, int threads) {
  const std::size_t first = rows();
  const std::size_t last = first + count;
  if (last > kMaxRows) throw std::length_error("a graph holds at most 2147483647 rows");
  vectors_.reserve(last);
  if (codes_ != &vectors_) codes_->reserve(last);
  reserve_links(last);
  deleted_.reserve(last / 64 + 1);
  for (std::size_t i = first; i < last; ++i) {
    const auto row = static_cast<std::uint32_t>(i);
    std::memcpy(vectors_.at(row), vectors + (i - first) * options_.dim, vectors_.row_bytes());
    if (row % 64 == 0) __atomic_store_n(deleted_word(row), std::uint64_t{0}, __ATOMIC_RELEASE);
  }
  encode(first, last, threads);
  clear_links(first, last);
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
  if (is_packed()) {
    entry_codes_.reserve(count / kLanes + 1);
    const std::uint32_t first = count == 0 ? row : entry_row(0);
    write_lane(scaled_vector(first), scaled_vector(row), int8_code_.excess_of(code(row)), node_.dim,
               count % kLanes, entry_codes_.at(count / kLanes));
  } else {
    entry_codes_.reserve(count + 1);
    std::memcpy(entry_codes_.at(count), code(row), code_bytes_);
  }
  entry_rows_[count].store(row, std::memory_order_relaxed);
  entry_count_.store(count + 1, std::memory_order_release);
}

// Far beyond the sphere of a dot product graph: all rows are far from it, so none links to it, but
// it is the best answer to half of all queries.
bool Graph::is_long(std::uint32_t row) const {
  constexpr double kLong = 2.0;  // times the limit; up to there links lead to the row
  if (options_.metric != Metric::Dot) return false;
  const double square = options_.norm_limit * options_.norm_limit;
  if (is_packed()) return int8_code_.excess_of(code(row)) > (kLong * kLong - 1) * square;
  return with_code([&](const auto& code) { return code.squared_norm(this->code(row)); }) >
         kLong * kLong * square;
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
  std::size_t bytes = deleted_.memory_bytes((count + 63) / 64) + settled_.memory_bytes(count);
  const std::size_t entries = entry_count();
  bytes += entry_codes_.memory_bytes(is_packed() ? (entries + kLanes - 1) / kLanes : entries);
  if (codes_ != &vectors_) bytes += codes_->memory_bytes(count);
  if (!is_packed()) bytes += links_->memory_bytes(count);
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
