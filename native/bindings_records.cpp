// What stands in the records of a search's hits: one call for all of them, because ten calls of
// Python cost more than reading.
#include <string>

#include "arrays.hpp"
#include "crc32c.hpp"

namespace ruvector {
namespace {

constexpr Py_ssize_t kChecksumBytes = 4;
// Records of points with plain numbers as ids: docs/formats/store.md.
constexpr Py_ssize_t kHeadBytes = 20;
constexpr int kIdSizePlace = 8;
constexpr int kIdPlace = 10;
constexpr int kTextSizePlace = 18;
constexpr Py_ssize_t kTextSizeBytes = 2;
constexpr int kNumberKeyBytes = 9;
constexpr int kExpires = 0x80;  // set in the id's size where the moment of expiry stands before it
constexpr Py_ssize_t kExpiryBytes = 8;

const char* bytes_of(nb::handle value, Py_ssize_t& size) {
  char* data = nullptr;
  if (PyBytes_AsStringAndSize(value.ptr(), &data, &size) != 0) throw nb::python_error();
  return data;
}

nb::list open_values(nb::list pairs, std::uint32_t seed, std::uint32_t residue) {
  nb::list out;
  for (nb::handle pair : pairs) {
    if (!PyTuple_Check(pair.ptr()) || PyTuple_GET_SIZE(pair.ptr()) != 2)
      throw nb::type_error("expected pairs of key and value");
    Py_ssize_t key_size = 0;
    Py_ssize_t size = 0;
    const char* const key = bytes_of(PyTuple_GET_ITEM(pair.ptr(), 0), key_size);
    const char* const value = bytes_of(PyTuple_GET_ITEM(pair.ptr(), 1), size);
    const auto start = crc32c(key, static_cast<std::size_t>(key_size), seed);
    if (size < kChecksumBytes ||
        crc32c(value, static_cast<std::size_t>(size), start) != residue)
      throw nb::value_error(("value " + std::to_string(nb::len(out)) + " is damaged").c_str());
    out.append(nb::bytes(value, static_cast<std::size_t>(size - kChecksumBytes)));
  }
  return out;
}

std::uint64_t take_number(const unsigned char* data, int bytes, bool big) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | data[big ? i : bytes - 1 - i];
  return value;
}

nb::list read_hits(nb::list records) {
  nb::list out;
  for (nb::handle record : records) {
    Py_ssize_t size = 0;
    const auto* const data = reinterpret_cast<const unsigned char*>(bytes_of(record, size));
    const Py_ssize_t shift =
        size > kIdSizePlace && data[kIdSizePlace] & kExpires ? kExpiryBytes : 0;
    const bool plain = size >= kHeadBytes + shift &&
                       (data[kIdSizePlace] & ~kExpires) == kNumberKeyBytes &&
                       data[kTextSizePlace + shift] == 0 && data[kTextSizePlace + 1 + shift] == 0;
    if (!plain) {
      out.append(nb::none());
      continue;
    }
    const Py_ssize_t head = kHeadBytes + shift;
    const auto* const payload = reinterpret_cast<const char*>(data + head);
    out.append(nb::make_tuple(take_number(data + kIdPlace + shift, 8, true),
                              take_number(data, 8, false),
                              nb::bytes(payload, static_cast<std::size_t>(size - head))));
  }
  return out;
}

// Where the payload of a record begins; 0 where the bytes are no record.
Py_ssize_t payload_start(const unsigned char* data, Py_ssize_t size) {
  if (size <= kIdSizePlace) return 0;
  Py_ssize_t at = kIdSizePlace + 1 + (data[kIdSizePlace] & ~kExpires);
  if (data[kIdSizePlace] & kExpires) at += kExpiryBytes;
  if (size < at + kTextSizeBytes) return 0;
  at += kTextSizeBytes + static_cast<Py_ssize_t>(take_number(data + at, 2, false));
  return at <= size ? at : 0;
}

nb::bytes join_payloads(nb::list records) {
  std::string out = "[";
  for (nb::handle record : records) {
    Py_ssize_t size = 0;
    const auto* const data = reinterpret_cast<const unsigned char*>(bytes_of(record, size));
    const Py_ssize_t start = payload_start(data, size);
    if (start == 0) throw nb::value_error("a value is no record of a point");
    if (out.size() > 1) out += ',';
    if (start == size)
      out += "{}";
    else
      out.append(reinterpret_cast<const char*>(data) + start,
                 static_cast<std::size_t>(size - start));
  }
  out += ']';
  return nb::bytes(out.data(), out.size());
}

}  // namespace

void bind_records(nb::module_& module) {
  module.def("open_values", &open_values, nb::arg("pairs"), nb::arg("seed"), nb::arg("residue"),
             "Return the values of (key, value) pairs without the checksum at their ends.\n\n"
             "The CRC-32C runs over key and value from `seed` on and must give `residue`; raises\n"
             "ValueError that names the first value whose does not.");
  module.def("read_hits", &read_hits, nb::arg("records"),
             "Return (id, version, payload) of each record of a point with a number as id.\n\n"
             "None stands for a record of any other form.");
  module.def("join_payloads", &join_payloads, nb::arg("records"),
             "Return the payloads of records as one JSON array, {} for none.\n\n"
             "ValueError for bytes that are no record.");
}

}  // namespace ruvector
