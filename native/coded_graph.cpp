#include "coded_graph.hpp"

#include <algorithm>
#include <limits>

#include "threads.hpp"
#include "topk.hpp"
#include "walk.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace ruvector {
namespace {

// How many new distances one expanded row costs a walk, on average (62,666 x 384, R = 32).
constexpr std::size_t kFreshPerRow = 12;
// A beam of more than this share of all rows is slower than a scan of their codes.
constexpr std::size_t kWidestShare = 8;
// Seeds of a filtered walk: the best of a sample of the matches.
constexpr std::size_t kSeedSample = 256;
constexpr std::size_t kSeeds = 8;

// Has the system read these rows together, so that their reads do not wait for each other.
void ask_for(const CodedGraph& graph, std::size_t bytes, const Candidate* rows,
             std::size_t count) {
#if defined(__linux__)
  static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = reinterpret_cast<std::uintptr_t>(graph.original(rows[i].row));
    const std::uintptr_t start = at / page * page;
    madvise(reinterpret_cast<void*>(start), at + bytes - start, MADV_WILLNEED);
  }
#else
  (void)graph, (void)bytes, (void)rows, (void)count;
#endif
}

}  // namespace

class CodedGraph::Rows {
 public:
  Rows(const CodedGraph& graph, const Quantizer& code, const std::byte* codes)
      : arrays_(graph.arrays_), codes_(codes), bytes_(code.row_bytes()) {
    options_.metric = code.metric();
    options_.links_per_node = static_cast<std::uint32_t>(arrays_.links_per_node);
    copies_ = codes == arrays_.codes ? graph.entry_codes_.data() : nullptr;
  }
  const GraphOptions& options() const { return options_; }
  std::size_t rows() const { return arrays_.rows; }
  std::size_t code_bytes() const { return bytes_; }
  std::size_t link_bytes() const { return arrays_.links_per_node * sizeof(std::uint32_t); }
  const std::byte* code(std::uint32_t row) const { return codes_ + row * bytes_; }
  const std::uint32_t* links(std::uint32_t row) const {
    return arrays_.links + row * arrays_.links_per_node;
  }
  std::size_t entry_count() const { return arrays_.entry_count; }
  std::uint32_t entry_row(std::size_t i) const { return arrays_.entries[i]; }
  const std::byte* entry_code(std::size_t i) const {
    return copies_ ? copies_ + i * bytes_ : code(entry_row(i));
  }

 private:
  const CodedArrays& arrays_;
  const std::byte* codes_;
  const std::byte* copies_;
  std::size_t bytes_;
  GraphOptions options_;
};

// Walked by the compact code alone: originals are compared only in the end.
class CodedGraph::RowsWithCopies : public CodedGraph::Rows {
 public:
  explicit RowsWithCopies(const CodedGraph& graph)
      : Rows(graph, graph.quantizer_, graph.arrays_.codes),
        beside_(graph.arrays_.beside),
        stride_(graph.beside_bytes()) {}
  // The copy of the code of the neighbour at `place` among the links of `row`.
  const std::byte* code_beside(std::uint32_t row, std::size_t place) const {
    return beside_ + row * stride_ + place * code_bytes();
  }

 private:
  const std::byte* beside_;
  std::size_t stride_;
};

// `expand` of walk.hpp for rows whose neighbours' codes lie beside their own: found by the type of
// its argument.
template <class Code, class Query, class Take>
void expand(const CodedGraph::RowsWithCopies& graph, const Code& code, const Query& query,
            std::uint32_t row, std::size_t limit, Scratch& scratch, Take&& take) {
  const std::uint32_t* links = graph.links(row);
  const std::size_t width = graph.options().links_per_node;
  std::size_t count = 0;
  for (std::size_t i = 0; i < width && links[i] != kNoRow; ++i) {
    if (links[i] >= limit || !scratch.meet(links[i])) continue;
    take(code.distance(query, graph.code_beside(row, i)), links[i]);
    ++count;
  }
  scratch.distances += count;
}

namespace {

// Gives scratch back when the walk is over, also by exception.
class Lease {
 public:
  explicit Lease(const CodedGraph& graph) : graph_(graph), scratch_(graph.take_scratch()) {}
  ~Lease() { graph_.give_scratch(std::move(scratch_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Scratch& operator*() { return *scratch_; }

 private:
  const CodedGraph& graph_;
  std::unique_ptr<Scratch> scratch_;
};

template <class RowsSeen>
class Query {
 public:
  Query(const CodedGraph& graph, const RowsSeen& rows, const Quantizer& code,
        const ExactCode& exact, const CodedSearch& options, Scratch& scratch)
      : graph_(graph), rows_(rows), code_(code), exact_(exact), options_(options),
        scratch_(scratch), higher_(higher_is_better(code.metric())) {}

  void run(const float* vector, std::size_t columns, std::uint32_t* out_rows, float* out_scores) {
    vector_ = vector;
    if (scratch_.query.size() < code_.query_bytes()) scratch_.query.resize(code_.query_bytes());
    query_ = code_.prepare(vector, scratch_.query.data());
    const std::size_t matches = options_.allowed ? options_.allowed_count : rows_.rows();
    const std::size_t wanted = std::min(options_.k, matches);
    std::size_t found = 0;
    if (!options_.exact && rows_.entry_count() > 0) found = by_walk(matches);
    if (found < wanted) found = by_scan();
    TopK best(columns);
    offer_all(best, found);
    std::size_t column = 0;
    for (const std::uint64_t rank : best.sorted()) {
      out_rows[column] = static_cast<std::uint32_t>(rank);
      out_scores[column++] = score_of(rank, higher_);
    }
    for (; column < columns; ++column) {
      out_rows[column] = kNoRow;
      out_scores[column] = std::numeric_limits<float>::quiet_NaN();
    }
  }

 private:
  bool matches(std::uint32_t row) const {
    return options_.allowed == nullptr || Mask{options_.allowed}.has(row);
  }
  bool rescores() const { return !options_.ignores_codes && options_.candidates > 0; }
  std::size_t kept() const {
    const std::size_t wanted = rescores() ? std::max(options_.candidates, options_.k) : options_.k;
    return std::min(wanted, rows_.rows());
  }

  std::size_t by_walk(std::size_t match_count) {
    const std::size_t width = std::max({options_.beam, kept(), std::size_t{1}});
    if (width > rows_.rows() / kWidestShare) return 0;
    if (options_.allowed == nullptr) {
      const std::size_t found = walk(rows_, code_, query_, width, scratch_);
      count_walk();
      return found;
    }
    // The rows a walk must measure before `width` matches are met; more than a scan: scan.
    const double expected = static_cast<double>(width) * static_cast<double>(rows_.rows()) *
                            kFreshPerRow / static_cast<double>(match_count);
    if (expected > static_cast<double>(match_count)) return 0;
    const auto matching = [this](std::uint32_t row) { return matches(row); };
    if (match_count >= rows_.rows() / 2) {
      const std::size_t found = walk_past(rows_, code_, query_, width, scratch_, matching);
      count_walk();
      if (found >= std::min({kept(), width, match_count})) return found;
    }
    bool complete = true;
    const std::size_t found = walk_matching(
        rows_, code_, query_, width, match_count, scratch_, matching,
        [this](std::size_t, auto& take) { seed(take); }, complete);
    count_walk();
    return complete ? found : 0;
  }

  // The last walk, for whoever counts.
  void count_walk() const {
    read_vectors([&] { return scratch_.distances * rows_.code_bytes(); });
  }

  template <class Visit>
  void each_match(Visit&& visit) const {
    for (std::size_t row = 0; row < rows_.rows(); ++row) {
      if (row % kRowsBetweenChecks == 0) check_deadline();
      if (options_.allowed && row % 8 == 0 && options_.allowed[row >> 3] == 0) {
        row += 7;
        continue;
      }
      if (matches(static_cast<std::uint32_t>(row))) visit(static_cast<std::uint32_t>(row));
    }
  }

  std::size_t by_scan() {
    TopK best(kept());
    read_vectors([&] {
      return (options_.allowed ? options_.allowed_count : rows_.rows()) * rows_.code_bytes();
    });
    each_match([&](std::uint32_t row) {
      best.offer(rank_of(code_.distance(query_, rows_.code(row)), row, false));
    });
    const auto& ranks = best.sorted();
    if (scratch_.beam.size() < ranks.size()) scratch_.beam.resize(ranks.size());
    for (std::size_t i = 0; i < ranks.size(); ++i)
      scratch_.beam[i] = {score_of(ranks[i], false), static_cast<std::uint32_t>(ranks[i])};
    return ranks.size();
  }

  // Starts a filtered walk also from matches: cures filters that go against the query.
  template <class Take>
  void seed(Take& take) {
    Candidate best[kSeeds];
    std::size_t found = 0;
    const std::size_t step = std::max<std::size_t>(rows_.rows() / kSeedSample, 1);
    for (std::size_t start = 0; start < rows_.rows(); start += step) {
      const std::size_t stop = std::min(start + step, rows_.rows());
      for (std::size_t i = start; i < stop; ++i) {
        const auto row = static_cast<std::uint32_t>(i);
        if (!matches(row)) continue;
        const float distance = code_.distance(query_, rows_.code(row));
        if (found == kSeeds && !(distance < best[kSeeds - 1].distance)) break;
        std::size_t at = found < kSeeds ? found++ : kSeeds - 1;
        for (; at > 0 && distance < best[at - 1].distance; --at) best[at] = best[at - 1];
        best[at] = {distance, row};
        break;
      }
    }
    for (std::size_t i = 0; i < found; ++i)
      if (scratch_.meet(best[i].row)) take(best[i].distance, best[i].row);
  }

  void offer_all(TopK& best, std::size_t found) {
    const Candidate* candidates = scratch_.beam.data();
    const std::size_t count = std::min(found, kept());
    if (!rescores()) {
      for (std::size_t i = 0; i < count; ++i)
        best.offer(rank_of(code_.score(candidates[i].distance), candidates[i].row, higher_));
      return;
    }
    const std::size_t bytes = exact_.row_bytes();
    const QuantizedQuery query = exact_.prepare(vector_, nullptr);
    read_vectors([&] { return count * bytes; });
    if (graph_.arrays().vectors_are_cold) ask_for(graph_, bytes, candidates, count);
    for (std::size_t i = 0; i < count && i < kAhead; ++i)
      fetch_row(graph_.original(candidates[i].row), bytes);
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) fetch_row(graph_.original(candidates[i + kAhead].row), bytes);
      const std::uint32_t row = candidates[i].row;
      const float distance = exact_.distance(query, graph_.original(row));
      best.offer(rank_of(exact_.score(distance), row, higher_));
    }
  }

  const CodedGraph& graph_;
  const RowsSeen& rows_;
  const Quantizer& code_;
  const ExactCode& exact_;
  const CodedSearch& options_;
  Scratch& scratch_;
  bool higher_;
  const float* vector_ = nullptr;
  QuantizedQuery query_;
};

}  // namespace

CodedGraph::CodedGraph(const Quantizer& quantizer, const CodedArrays& arrays)
    : quantizer_(quantizer),
      arrays_(arrays),
      exact_code_(quantizer.metric(), arrays.element, quantizer.dim()) {
  const std::size_t bytes = quantizer.row_bytes();
  entry_codes_.resize(arrays.entry_count * bytes);
  for (std::size_t i = 0; i < arrays.entry_count; ++i)
    std::memcpy(entry_codes_.data() + i * bytes, arrays.codes + arrays.entries[i] * bytes, bytes);
}

void CodedGraph::search(const float* queries, std::size_t query_count, const CodedSearch& options,
                        std::size_t columns, int threads, std::uint32_t* out_rows,
                        float* out_scores) const {
  const bool by_originals = options.exact || options.ignores_codes;
  CodedSearch asked = options;
  asked.ignores_codes = by_originals;
  const Quantizer& code = by_originals ? static_cast<const Quantizer&>(exact_code_) : quantizer_;
  const auto run = [&](const auto& rows) {
    parallel_for(query_count, threads, 1, [&](std::size_t i) {
      Lease scratch(*this);
      Query(*this, rows, code, exact_code_, asked, *scratch)
          .run(queries + i * quantizer_.dim(), columns, out_rows + i * columns,
               out_scores + i * columns);
    });
  };
  if (arrays_.beside && !by_originals)
    run(RowsWithCopies(*this));
  else
    run(Rows(*this, code, by_originals ? arrays_.vectors : arrays_.codes));
}

std::size_t CodedGraph::beside_bytes() const {
  constexpr std::size_t kLine = 64;
  const std::size_t bytes =
      arrays_.links_per_node * quantizer_.row_bytes() + exact_code_.row_bytes();
  return (bytes + kLine - 1) / kLine * kLine;
}

const std::byte* CodedGraph::original(std::uint32_t row) const {
  if (!arrays_.beside) return arrays_.vectors + row * exact_code_.row_bytes();
  return arrays_.beside + row * beside_bytes() + arrays_.links_per_node * quantizer_.row_bytes();
}

void CodedGraph::write_copies(std::byte* out, int threads) const {
  const std::size_t bytes = quantizer_.row_bytes(), stride = beside_bytes();
  const std::size_t width = arrays_.links_per_node, exact = exact_code_.row_bytes();
  constexpr std::size_t kRowsAtATime = 256;
  parallel_for(arrays_.rows, threads, kRowsAtATime, [&](std::size_t row) {
    std::byte* to = out + row * stride;
    std::memset(to, 0, stride);
    for (std::size_t i = 0; i < width; ++i) {
      const std::uint32_t link = arrays_.links[row * width + i];
      if (link == kNoRow) break;
      std::memcpy(to + i * bytes, arrays_.codes + link * bytes, bytes);
    }
    std::memcpy(to + width * bytes, arrays_.vectors + row * exact, exact);
  });
}

std::unique_ptr<Scratch> CodedGraph::take_scratch() const {
  const std::lock_guard<std::mutex> guard(scratch_lock_);
  if (scratch_.empty()) return std::make_unique<Scratch>();
  auto scratch = std::move(scratch_.back());
  scratch_.pop_back();
  return scratch;
}

void CodedGraph::give_scratch(std::unique_ptr<Scratch> scratch) const {
  constexpr std::size_t kKept = 16;
  const std::lock_guard<std::mutex> guard(scratch_lock_);
  if (scratch_.size() < kKept) scratch_.push_back(std::move(scratch));
}

std::size_t CodedGraph::scratch_bytes() const {
  const std::lock_guard<std::mutex> guard(scratch_lock_);
  std::size_t bytes = entry_codes_.size();
  for (const auto& scratch : scratch_) bytes += scratch->seen.size() * sizeof(std::uint16_t);
  return bytes;
}

}  // namespace ruvector
