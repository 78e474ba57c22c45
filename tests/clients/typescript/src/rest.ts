// Does @qdrant/js-client-rest make the whole tour? The steps are those of tests/clients/tour.py.

import { QdrantClient, type Schemas } from '@qdrant/js-client-rest';
import { COLLECTION, POINTS, SECOND, UUID, address, makeTour, type Point } from './tour.js';

type Filter = Schemas['Filter'];
type Condition = Schemas['Condition'];

const client = new QdrantClient({ url: `http://${address}` });
const berlin: Filter = { must: [{ key: 'city', match: { value: 'Berlin' } }] };
const london: Filter = { must: [{ key: 'city', match: { value: 'London' } }] };
const firstAxis = [1, 0, 0, 0];

function struct({ id, payload, text, image, tokens, words }: Point) {
  return { id, payload, vector: { text, image, tokens, words } };
}

function hits(answer: { points: { id: unknown; score: number }[] }) {
  return answer.points.map((hit) => [hit.id, hit.score]);
}

function ids(points: { id: unknown }[]) {
  return points.map((point) => point.id);
}

async function refusal(call: () => Promise<unknown>): Promise<string> {
  const kinds: Record<number, string> = {
    400: 'invalid', 404: 'not found', 409: 'exists', 422: 'invalid',
  };
  try {
    await call();
  } catch (error) {
    const status = (error as { status?: number }).status ?? 0;
    return kinds[status] ?? `${error}`;
  }
  return 'accepted';
}

async function createCollection() {
  const before = (await client.collectionExists(COLLECTION)).exists;
  const created = await client.createCollection(COLLECTION, {
    vectors: {
      text: { size: 4, distance: 'Dot' },
      image: { size: 3, distance: 'Euclid' },
      tokens: { size: 2, distance: 'Dot', multivector_config: { comparator: 'max_sim' } },
    },
    sparse_vectors: { words: {} },
  });
  return [before, created, (await client.collectionExists(COLLECTION)).exists];
}

async function collectionInfo() {
  const info = await client.getCollection(COLLECTION);
  const vectors = Object.entries(info.config.params.vectors as Record<string, Schemas['VectorParams']>);
  const { collections } = await client.getCollections();
  return {
    sizes: Object.fromEntries(vectors.map(([name, vector]) => [name, vector.size])),
    distances: Object.fromEntries(vectors.map(([name, vector]) => [name, vector.distance])),
    multi: vectors.filter(([, vector]) => vector.multivector_config).map(([name]) => name),
    sparse: Object.keys(info.config.params.sparse_vectors ?? {}),
    points: info.points_count,
    listed: collections.some((collection) => collection.name === COLLECTION),
  };
}

async function retrieve() {
  const everything = POINTS.map((point) => point.id);
  const records = await client.retrieve(COLLECTION, {
    ids: everything, with_payload: true, with_vector: true,
  });
  records.sort((a, b) => everything.indexOf(a.id) - everything.indexOf(b.id));
  return records.map(({ id, vector, payload }) => ({ id, ...(vector as object), payload }));
}

async function createIndexes() {
  const fields = {
    city: 'keyword', number: 'integer', price: 'float', when: 'datetime', place: 'geo',
    open: 'bool', note: 'text',
  } as const;
  for (const [field_name, field_schema] of Object.entries(fields)) {
    await client.createPayloadIndex(COLLECTION, { field_name, field_schema, wait: true });
  }
  const { payload_schema } = await client.getCollection(COLLECTION);
  return Object.fromEntries(
    Object.entries(payload_schema).map(([field, described]) => [field, described?.data_type]),
  );
}

async function scroll() {
  const pages = [];
  let offset: string | number | undefined;
  for (let page = 0; page < 5; page++) {
    const { points, next_page_offset } = await client.scroll(COLLECTION, { limit: 2, offset });
    pages.push(ids(points));
    if (next_page_offset == null) break;
    offset = next_page_offset as string | number;
  }
  return pages;
}

async function scrollInOrder() {
  const { points } = await client.scroll(COLLECTION, {
    limit: 3, order_by: { key: 'number', direction: 'desc' }, with_payload: ['number'],
  });
  return points.map((point) => [point.id, point.payload]);
}

function filters(): Record<string, Filter> {
  const open: Condition = { key: 'open', match: { value: true } };
  const counted: Condition = { key: 'tags', values_count: { gte: 2 } };
  const city: Condition = { key: 'city', match: { value: 'Berlin' } };
  const third: Condition = { key: 'number', match: { value: 3 } };
  const wheels: Filter = {
    must: [{ key: 'kind', match: { value: 'wheel' } }, { key: 'count', range: { gte: 3 } }],
  };
  const conditions: Record<string, Condition> = {
    value: city,
    integer: third,
    bool: open,
    any: { key: 'city', match: { any: ['London', 'München'] } },
    except: { key: 'city', match: { except: ['Berlin'] } },
    text: { key: 'note', match: { text: 'fox brown' } },
    range: { key: 'price', range: { gt: 0.1, lte: 2.25 } },
    dates: { key: 'when', range: { gte: '2022-01-01T00:00:00Z' } },
    radius: { key: 'place', geo_radius: { center: { lon: 13.4, lat: 52.5 }, radius: 20000 } },
    'values count': counted,
    'is empty': { is_empty: { key: 'tags' } },
    'is null': { is_null: { key: 'city' } },
    ids: { has_id: [2, UUID] },
    'has vector': { has_vector: 'words' },
    nested: { nested: { key: 'parts', filter: wheels } },
    path: { key: 'nested.deep.list[].three', match: { value: 3 } },
  };
  const single = Object.entries(conditions).map(([name, condition]) => [name, { must: [condition] }]);
  return {
    ...Object.fromEntries(single),
    'must not': { must_not: [city] },
    should: { should: [city, third] },
    'min should': { min_should: { conditions: [city, open, counted], min_count: 2 } },
  };
}

async function scrollFiltered() {
  const found: Record<string, unknown> = {};
  for (const [name, filter] of Object.entries(filters())) {
    found[name] = ids((await client.scroll(COLLECTION, { filter, limit: 10 })).points);
  }
  return found;
}

async function query() {
  const text = [1, 0.5, 0, 0];
  const words = { indices: [1, 5], values: [2, 3] };
  const cheap: Filter = { must: [{ key: 'price', range: { lt: 3 } }] };
  const requests: Record<string, Schemas['QueryRequest']> = {
    dense: { query: text, using: 'text', limit: 3 },
    distance: { query: [0, 0, 0], using: 'image', limit: 3 },
    sparse: { query: words, using: 'words', limit: 3 },
    multi: { query: [[1, 0], [0, 2]], using: 'tokens', limit: 3 },
    id: { query: 1, using: 'text', limit: 2 },
    filter: { query: text, using: 'text', filter: cheap, params: { exact: true } },
    threshold: { query: text, using: 'text', score_threshold: 7.5 },
    offset: { query: text, using: 'text', limit: 2, offset: 1 },
  };
  const found: Record<string, unknown> = {};
  for (const [name, request] of Object.entries(requests)) {
    found[name] = hits(await client.query(COLLECTION, request));
  }
  return found;
}

async function queryWithPayload() {
  const { points: [hit] } = await client.query(COLLECTION, {
    query: firstAxis, using: 'text', filter: london,
    with_payload: ['city', 'tags'], with_vector: ['image'],
  });
  return [hit.id, hit.payload, hit.vector];
}

async function queryInStages() {
  const prefetch = [
    { query: firstAxis, using: 'text', limit: 3 },
    { query: { indices: [1, 9], values: [2, 1] }, using: 'words', limit: 3 },
  ];
  const ask = async (request: Schemas['QueryRequest']) =>
    hits(await client.query(COLLECTION, { prefetch, limit: 4, ...request }));
  return {
    rrf: await ask({ query: { fusion: 'rrf' } }),
    dbsf: await ask({ query: { fusion: 'dbsf' } }),
    rescored: await ask({ query: [0, 0, 0], using: 'image' }),
  };
}

async function queryByExamples() {
  const recommend = {
    positive: [1, [0, 0, 1, 0]], negative: [2], strategy: 'average_vector' as const,
  };
  const discover = { target: 3, context: [{ positive: 4, negative: 5 }] };
  return {
    recommend: hits(await client.query(COLLECTION, { query: { recommend }, using: 'text' })),
    discover: ids(
      (await client.query(COLLECTION, { query: { discover }, using: 'image' })).points,
    ),
    order: ids(
      (await client.query(COLLECTION, { query: { order_by: { key: 'price', direction: 'asc' } } }))
        .points,
    ),
  };
}

async function queryBatch() {
  const answers = await client.queryBatch(COLLECTION, {
    searches: [
      { query: firstAxis, using: 'text', limit: 2 },
      { query: [0, 0, 0], using: 'image', limit: 1 },
    ],
  });
  return answers.map(hits);
}

async function queryGroups() {
  const { groups } = await client.queryGroups(COLLECTION, {
    group_by: 'city', query: firstAxis, using: 'text', group_size: 2,
  });
  return groups.map((group) => [group.id, group.hits.map((hit) => [hit.id, hit.score])]);
}

async function olderSearches() {
  const search = await client.search(COLLECTION, {
    vector: { name: 'text', vector: [1, 0.5, 0, 0] }, limit: 3,
  });
  const recommend = await client.recommend(COLLECTION, {
    positive: [4], negative: [2], using: 'text', limit: 3,
  });
  return { search: hits({ points: search }), recommend: hits({ points: recommend }) };
}

async function facet() {
  const { hits: counts } = await client.facet(COLLECTION, { key: 'city', exact: true });
  return counts.map((hit) => [hit.value, hit.count]);
}

async function matrix() {
  const { pairs } = await client.searchMatrixPairs(COLLECTION, {
    filter: berlin, sample: 2, limit: 1, using: 'text',
  });
  return pairs.map((pair) => [pair.a, pair.b, pair.score]);
}

async function payloadOperations() {
  const wait = true;
  const outcomes = [
    await client.setPayload(COLLECTION, { payload: { seen: true, number: 10 }, points: [1], wait }),
    await client.setPayload(COLLECTION, {
      payload: { added: 'deep' }, key: 'nested.deep', points: [4], wait,
    }),
    await client.setPayload(COLLECTION, { payload: { seen: false }, filter: london, wait }),
    await client.overwritePayload(COLLECTION, { payload: { only: ['this'] }, points: [2], wait }),
    await client.deletePayload(COLLECTION, {
      keys: ['price', 'nested.deep.list'], points: [4, 5], wait,
    }),
    await client.clearPayload(COLLECTION, { points: [UUID], wait }),
  ];
  const records = await client.retrieve(COLLECTION, { ids: [1, 2, 3, 4, 5, UUID] });
  const payloads = Object.fromEntries(records.map((record) => [record.id, record.payload]));
  const { 1: first, 3: third, ...others } = payloads;
  return {
    outcomes: outcomes.map((outcome) => outcome.status),
    1: [first?.seen, first?.number, first?.city],
    3: third?.seen,
    ...others,
  };
}

async function vectorOperations() {
  const wait = true;
  const outcomes = [
    await client.updateVectors(COLLECTION, {
      points: [{ id: 1, vector: { image: [1, 1, 1] } }], wait,
    }),
    await client.deleteVectors(COLLECTION, { vector: ['words'], points: [1], wait }),
  ];
  const [record] = await client.retrieve(COLLECTION, { ids: [1], with_vector: true });
  return { outcomes: outcomes.map((outcome) => outcome.status), 1: record.vector };
}

async function batchUpdate() {
  const outcomes = await client.batchUpdate(COLLECTION, {
    wait: true,
    operations: [
      { upsert: { points: [{ ...struct(POINTS[0]), id: 7, payload: {} }] } },
      { set_payload: { payload: { n: 7 }, points: [7] } },
      { delete: { points: [5] } },
    ],
  });
  const { points } = await client.scroll(COLLECTION, { limit: 10 });
  const seven = points.find((point) => point.id === 7);
  return { outcomes: outcomes.length, ids: ids(points), 7: seven?.payload };
}

async function deletePoints() {
  const outcomes = [
    await client.delete(COLLECTION, { points: [7, 2], wait: true }),
    await client.delete(COLLECTION, { filter: berlin, wait: true }),
  ];
  const { points } = await client.scroll(COLLECTION);
  return [...outcomes.map((outcome) => outcome.status), ids(points)];
}

async function aliases() {
  const change = (action: Schemas['AliasOperations']) =>
    client.updateCollectionAliases({ actions: [action] });
  const old_alias_name = 'tour_alias';
  const renamed = 'tour_renamed';
  return [
    await change({ create_alias: { collection_name: COLLECTION, alias_name: old_alias_name } }),
    (await client.count(old_alias_name, { exact: true })).count,
    await change({ rename_alias: { old_alias_name, new_alias_name: renamed } }),
    (await client.getCollectionAliases(COLLECTION)).aliases.map((alias) => alias.alias_name),
    (await client.getAliases()).aliases.some((alias) => alias.alias_name === renamed),
    await change({ delete_alias: { alias_name: renamed } }),
    (await client.getCollectionAliases(COLLECTION)).aliases,
  ];
}

async function oneUnnamedVector() {
  await client.createCollection(SECOND, { vectors: { size: 2, distance: 'Cosine' } });
  await client.upsert(SECOND, { points: [{ id: 1, vector: [3, 4] }], wait: true });
  const [record] = await client.retrieve(SECOND, { ids: [1], with_vector: true });
  const updated = await client.updateCollection(SECOND, { hnsw_config: { ef_construct: 150 } });
  const { config } = await client.getCollection(SECOND);
  return [record.vector, updated, config.hnsw_config.ef_construct];
}

async function errors() {
  return {
    'missing collection': await refusal(() => client.getCollection('tour_absent')),
    'existing collection': await refusal(() =>
      client.createCollection(SECOND, { vectors: { size: 2, distance: 'Dot' } }),
    ),
    'wrong length': await refusal(() =>
      client.upsert(SECOND, { points: [{ id: 1, vector: [1] }] }),
    ),
    'wrong name': await refusal(() => client.query(SECOND, { query: [1, 0], using: 'absent' })),
    'wrong query': await refusal(() => client.query(SECOND, { query: [1, 0, 0] })),
    'missing point': await refusal(() => client.query(SECOND, { query: 77 })),
    'limit of zero': await refusal(() => client.query(SECOND, { query: [1, 0], limit: 0 })),
    'facet without index': await refusal(() => client.facet(SECOND, { key: 'city' })),
  };
}

await makeTour({
  create_collection: createCollection,
  upsert: async () =>
    (await client.upsert(COLLECTION, { points: POINTS.map(struct), wait: true })).status,
  collection_info: collectionInfo,
  retrieve,
  create_indexes: createIndexes,
  count: async () => [
    (await client.count(COLLECTION, { exact: true })).count,
    (await client.count(COLLECTION, { exact: true, filter: berlin })).count,
  ],
  scroll,
  scroll_in_order: scrollInOrder,
  scroll_filtered: scrollFiltered,
  query,
  query_with_payload: queryWithPayload,
  query_in_stages: queryInStages,
  query_by_examples: queryByExamples,
  query_batch: queryBatch,
  query_groups: queryGroups,
  older_searches: olderSearches,
  facet,
  matrix,
  payload_operations: payloadOperations,
  vector_operations: vectorOperations,
  batch_update: batchUpdate,
  delete: deletePoints,
  aliases,
  one_unnamed_vector: oneUnnamedVector,
  errors,
  delete_collections: async () => [
    await client.deleteCollection(COLLECTION),
    await client.deleteCollection(SECOND),
    (await client.collectionExists(COLLECTION)).exists,
  ],
});
