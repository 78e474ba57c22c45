"""How much is too much? Every limit on a request, once, with its reason."""

MAX_DIMENSIONS = 65_536  # Qdrant's limit, and that of the rotation the quantized graph uses
MAX_NAME_BYTES = 255  # a file name's length on every common file system
MAX_LINKS_PER_NODE = 256  # of the graph's core; twice `m`
MAX_LIMIT = 1_000_000  # answers are materialized; larger results are read by scrolling
MAX_BEAM = 100_000  # the beam is an array that each hop searches
MAX_BATCH_POINTS = 1_000_000  # one request is one transaction and one log entry
MAX_BATCH_SEARCHES = 10_000  # answers of a batch are held together
MAX_BATCH_UPDATES = 10_000  # operations in one batch request, applied one after the other
MAX_IDS = 1_000_000  # ids in one selector
MAX_LIST = 2**20  # numbers of any list that gRPC reads: no kind of list may have more
MAX_VECTORS_PER_POINT = 256  # named vectors of a collection
MAX_JSON_DEPTH = 512  # nesting of a request body, checked before anything recurses
MAX_JSON_CONTAINERS = 4_000_000  # arrays and objects in a body: what 32 MiB of honest points need
# Those of a request that become objects in memory (all but points): freeing so many takes 25 ms.
MAX_DECODED_CONTAINERS = 250_000
MAX_BODY_BYTES = 32 * 2**20  # Qdrant's default for service.max_request_size_mb
MAX_ROWS = 2**32 - 2  # rows are uint32; the last value marks "none"
MAX_PAYLOAD_DEPTH = 64  # nesting of a payload
MAX_EXAMPLES = 10_000  # of one recommendation, context or feedback: each is a pass over the rows
MAX_FORMULA_DEPTH = 64  # expressions within expressions; people write four or five
MAX_FORMULA_PARTS = 10_000  # of one formula; each is a pass over the candidates
MAX_PREFETCH_DEPTH = 64  # Qdrant's limit
MAX_PREFETCHES = 1000  # of one query, all levels together: each is a search
MAX_GROUP_SIZE = 100_000  # hits of one group
MAX_GROUP_CANDIDATES = 100_000  # hits that are looked at to fill groups: their payloads are read
MAX_SAMPLE = 10_000  # points of a distance matrix, each compared with each
MAX_OVERSAMPLING = 1e6  # of a quantized search; as many candidates as there are rows are a scan
MAX_MULTIVECTOR_NUMBERS = 2**20  # of one multi-vector: Qdrant's limit, and 4 MiB
