// Is the graph free of data races? Inserts, removals and searches beside each other, under TSan.
// usage: graph_threads [rows per batch, default 40] [readers, default 2]
// Every loop is bounded. Exits with 1 if a removed row comes back or a search comes back short.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "exact.hpp"
#include "search.hpp"

namespace {

constexpr std::size_t kDim = 64;
constexpr std::size_t kAlways = 200;  // rows that stay, so that every search finds k
constexpr std::size_t kBatches = 6;
constexpr std::size_t kHits = 10;
constexpr std::size_t kQueries = 400;  // a reader's, at most

struct Race {
  explicit Race(std::size_t batch, ruvector::Metric metric)
      : batch_rows(batch), rows(kAlways + batch * kBatches), vectors(rows * kDim), numbers(rows) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& value : vectors) value = normal(random);
    for (std::size_t i = 0; i < rows; ++i) numbers[i] = static_cast<std::uint32_t>(i);
    ruvector::GraphOptions options;
    options.dim = kDim;
    options.metric = metric;
    options.links_per_node = 12;
    options.build_beam = 24;
    options.norm_limit = 8;
    graph = std::make_unique<ruvector::Graph>(options);
    graph->append(vectors.data(), kAlways, 2);
    graph->link(numbers.data(), kAlways, 2);
  }

  // All ways to search in turn: walk, walk past removed rows, filtered, exact.
  void read(std::size_t start) {
    const std::vector<std::uint8_t> allowed(kAlways / 8, 0xFF);
    for (std::size_t i = 0; i < kQueries && !done.load(); ++i) {
      ruvector::SearchOptions search;
      search.beam = 16;
      search.full_scan_rows = i % 4 == 0 ? 10000 : 0;
      search.exact = i % 8 == 1;
      if (i % 4 == 3) {
        search.allowed = allowed.data();
        search.mask_rows = search.allowed_count = kAlways;
      }
      std::uint32_t found[kHits];
      float scores[kHits];
      const float* query = vectors.data() + (start + i * 17) % rows * kDim;
      ruvector::search(*graph, query, 1, search, kHits, 1, found, scores);
      for (const std::uint32_t row : found) failures += row == ruvector::kNoRow;
    }
  }

  // Beside the readers: appends, links with two threads, removes what was there and what is new.
  void write() {
    for (std::size_t start = kAlways; start < rows; start += batch_rows) {
      graph->append(vectors.data() + start * kDim, batch_rows, 1);
      std::thread linker([&] { graph->link(numbers.data() + start, batch_rows, 2); });
      if (start > kAlways) graph->remove(numbers.data() + start - batch_rows, batch_rows / 4, 2);
      linker.join();
    }
    graph->connect_unreached(1);
    done = true;
  }

  void check() {
    for (std::size_t query = 0; query < rows; query += 7) {
      ruvector::SearchOptions search;
      search.full_scan_rows = 0;
      std::uint32_t found[kHits];
      float scores[kHits];
      ruvector::search(*graph, vectors.data() + query * kDim, 1, search, kHits, 1, found, scores);
      for (const std::uint32_t row : found)
        failures += row == ruvector::kNoRow || graph->is_deleted(row);
    }
  }

  std::size_t batch_rows;
  std::size_t rows;
  std::vector<float> vectors;
  std::vector<std::uint32_t> numbers;
  std::unique_ptr<ruvector::Graph> graph;
  std::atomic<bool> done{false};
  std::atomic<std::size_t> failures{0};
};

std::size_t number(int count, char** arguments, int at, std::size_t otherwise) {
  return count > at ? std::strtoul(arguments[at], nullptr, 10) : otherwise;
}

}  // namespace

int main(int count, char** arguments) {
  const std::size_t batch = number(count, arguments, 1, 40);
  const std::size_t readers = number(count, arguments, 2, 2);
  std::size_t failures = 0;
  for (const auto metric :
       {ruvector::Metric::Euclid, ruvector::Metric::Dot, ruvector::Metric::Manhattan}) {
    Race race(batch, metric);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < readers; ++i) threads.emplace_back([&race, i] { race.read(i); });
    race.write();
    for (std::thread& thread : threads) thread.join();
    race.check();
    std::printf("%zu rows, %zu removed, %zu failures\n", race.graph->rows(),
                race.graph->deleted_rows(), race.failures.load());
    failures += race.failures;
  }
  return failures == 0 ? 0 : 1;
}
