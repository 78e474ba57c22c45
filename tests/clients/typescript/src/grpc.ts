// Does @qdrant/js-client-grpc make the whole tour? The steps are those of tests/clients/tour.py.

import { QdrantClient } from '@qdrant/js-client-grpc';
import { COLLECTION, POINTS, SECOND, UUID, address, makeTour } from './tour.js';
import {
  dense, fields, hits, ids, outcome, plainId, plainPayload, plainVectors, pointId, refusal, struct,
} from './values.js';

const client = new QdrantClient({ url: `http://${address}` });
const collections = client.api('collections');
const points = client.api('points');

type QueryPoints = Parameters<typeof points.query>[0];
type Query = NonNullable<QueryPoints['query']>;
type Filter = NonNullable<Parameters<typeof points.scroll>[0]['filter']>;
type Condition = NonNullable<Filter['must']>[number];
type FieldCondition = Extract<
  NonNullable<Condition['conditionOneOf']>, { case: 'field'; value: unknown }
>['value'];
type Match = NonNullable<NonNullable<FieldCondition['match']>['matchValue']>;

const DOT = 3;
const EUCLID = 2;
const COSINE = 1;
const wait = true;
const collectionName = COLLECTION;

function field(key: string, rest: Partial<FieldCondition>): Condition {
  return { conditionOneOf: { case: 'field', value: { key, ...rest } as FieldCondition } };
}

function match(key: string, matchValue: Match): Condition {
  return field(key, { match: { matchValue } });
}

function keyword(key: string, value: string): Condition {
  return match(key, { case: 'keyword', value });
}

function nearest(...data: number[]): Query {
  const value = { variant: { case: 'dense' as const, value: { data } } };
  return { variant: { case: 'nearest', value } };
}

function sparse(indices: number[], values: number[]): Query {
  const value = { variant: { case: 'sparse' as const, value: { indices, values } } };
  return { variant: { case: 'nearest', value } };
}

function byId(id: number) {
  return { variant: { case: 'id' as const, value: pointId(id) } };
}

function these(...wanted: (number | string)[]) {
  const value = { ids: wanted.map(pointId) };
  return { pointsSelectorOneOf: { case: 'points' as const, value } };
}

function matching(filter: Filter) {
  return { pointsSelectorOneOf: { case: 'filter' as const, value: filter } };
}

function included(...names: string[]) {
  return { selectorOptions: { case: 'include' as const, value: { fields: names } } };
}

const everything = { selectorOptions: { case: 'enable' as const, value: true } };
const berlin: Filter = { must: [keyword('city', 'Berlin')] };
const london: Filter = { must: [keyword('city', 'London')] };

async function exists(name: string) {
  return (await collections.collectionExists({ collectionName: name })).result?.exists;
}

async function createCollection() {
  const before = await exists(COLLECTION);
  const map = {
    text: { size: 4n, distance: DOT },
    image: { size: 3n, distance: EUCLID },
    tokens: { size: 2n, distance: DOT, multivectorConfig: { comparator: 0 } },
  };
  const { result } = await collections.create({
    collectionName,
    vectorsConfig: { config: { case: 'paramsMap', value: { map } } },
    sparseVectorsConfig: { map: { words: {} } },
  });
  return [before, result, await exists(COLLECTION)];
}

async function collectionInfo() {
  const { result } = await collections.get({ collectionName });
  const params = result?.config?.params;
  const config = params?.vectorsConfig?.config;
  const vectors = Object.entries(config?.case === 'paramsMap' ? config.value.map : {});
  const names: Record<number, string> = { [DOT]: 'Dot', [EUCLID]: 'Euclid' };
  const listed = (await collections.list({})).collections;
  return {
    sizes: Object.fromEntries(vectors.map(([name, vector]) => [name, Number(vector.size)])),
    distances: Object.fromEntries(vectors.map(([name, one]) => [name, names[one.distance]])),
    multi: vectors.filter(([, vector]) => vector.multivectorConfig).map(([name]) => name),
    sparse: Object.keys(params?.sparseVectorsConfig?.map ?? {}),
    points: Number(result?.pointsCount),
    listed: listed.some((collection) => collection.name === COLLECTION),
  };
}

async function retrieve() {
  const { result } = await points.get({
    collectionName,
    ids: POINTS.map((point) => pointId(point.id)),
    withPayload: everything,
    withVectors: everything,
  });
  return POINTS.map(({ id }) => {
    const record = result.find((one) => plainId(one.id) === id);
    const vectors = plainVectors(record?.vectors) as object;
    return { id, ...vectors, payload: plainPayload(record?.payload ?? {}) };
  });
}

async function createIndexes() {
  const types = { city: 0, number: 1, price: 2, place: 3, note: 4, open: 5, when: 6 };
  const names = ['', 'keyword', 'integer', 'float', 'geo', 'text', 'bool', 'datetime', 'uuid'];
  for (const [fieldName, fieldType] of Object.entries(types)) {
    await points.createFieldIndex({ collectionName, fieldName, fieldType, wait });
  }
  const { result } = await collections.get({ collectionName });
  return Object.fromEntries(
    Object.entries(result?.payloadSchema ?? {}).map(([name, one]) => [name, names[one.dataType]]),
  );
}

async function count(name: string, filter?: Filter) {
  const { result } = await points.count({ collectionName: name, exact: true, filter });
  return Number(result?.count);
}

async function scroll() {
  const pages = [];
  let offset: ReturnType<typeof pointId> | undefined;
  for (let page = 0; page < 5; page++) {
    const { result, nextPageOffset } = await points.scroll({ collectionName, limit: 2, offset });
    pages.push(ids(result));
    if (!nextPageOffset) break;
    offset = pointId(plainId(nextPageOffset) as number | string);
  }
  return pages;
}

async function scrollInOrder() {
  const { result } = await points.scroll({
    collectionName, limit: 3, orderBy: { key: 'number', direction: 1 },
    withPayload: included('number'),
  });
  return result.map((record) => [plainId(record.id), plainPayload(record.payload)]);
}

function filters(): Record<string, Filter> {
  const city = keyword('city', 'Berlin');
  const third = match('number', { case: 'integer', value: 3n });
  const open = match('open', { case: 'boolean', value: true });
  const counted = field('tags', { valuesCount: { gte: 2n } });
  const wheels: Filter = { must: [keyword('kind', 'wheel'), field('count', { range: { gte: 3 } })] };
  const newYear = { seconds: 1640995200n, nanos: 0 };
  const conditions: Record<string, Condition> = {
    value: city,
    integer: third,
    bool: open,
    any: match('city', { case: 'keywords', value: { strings: ['London', 'München'] } }),
    except: match('city', { case: 'exceptKeywords', value: { strings: ['Berlin'] } }),
    text: match('note', { case: 'text', value: 'fox brown' }),
    range: field('price', { range: { gt: 0.1, lte: 2.25 } }),
    dates: field('when', { datetimeRange: { gte: newYear } }),
    radius: field('place', { geoRadius: { center: { lon: 13.4, lat: 52.5 }, radius: 20000 } }),
    'values count': counted,
    'is empty': { conditionOneOf: { case: 'isEmpty', value: { key: 'tags' } } },
    'is null': { conditionOneOf: { case: 'isNull', value: { key: 'city' } } },
    ids: { conditionOneOf: { case: 'hasId', value: { hasId: [pointId(2), pointId(UUID)] } } },
    'has vector': { conditionOneOf: { case: 'hasVector', value: { hasVector: 'words' } } },
    nested: { conditionOneOf: { case: 'nested', value: { key: 'parts', filter: wheels } } },
    path: match('nested.deep.list[].three', { case: 'integer', value: 3n }),
  };
  const single = Object.entries(conditions).map(([name, condition]) => [name, { must: [condition] }]);
  return {
    ...Object.fromEntries(single),
    'must not': { mustNot: [city] },
    should: { should: [city, third] },
    'min should': { minShould: { conditions: [city, open, counted], minCount: 2n } },
  };
}

async function scrollFiltered() {
  const found: Record<string, unknown> = {};
  for (const [name, filter] of Object.entries(filters())) {
    found[name] = ids((await points.scroll({ collectionName, filter, limit: 10 })).result);
  }
  return found;
}

async function ask(request: QueryPoints) {
  return (await points.query({ collectionName, ...request } as QueryPoints)).result;
}

async function query() {
  const text = nearest(1, 0.5, 0, 0);
  const cheap: Filter = { must: [field('price', { range: { lt: 3 } })] };
  const rows = { vectors: [{ data: [1, 0] }, { data: [0, 2] }] };
  const multi = { variant: { case: 'multiDense' as const, value: rows } };
  const requests: Record<string, QueryPoints> = {
    dense: { query: text, using: 'text', limit: 3n },
    distance: { query: nearest(0, 0, 0), using: 'image', limit: 3n },
    sparse: { query: sparse([1, 5], [2, 3]), using: 'words', limit: 3n },
    multi: { query: { variant: { case: 'nearest', value: multi } }, using: 'tokens', limit: 3n },
    id: { query: { variant: { case: 'nearest', value: byId(1) } }, using: 'text', limit: 2n },
    filter: { query: text, using: 'text', filter: cheap, params: { exact: true } },
    threshold: { query: text, using: 'text', scoreThreshold: 7.5 },
    offset: { query: text, using: 'text', limit: 2n, offset: 1n },
  };
  const found: Record<string, unknown> = {};
  for (const [name, request] of Object.entries(requests)) {
    found[name] = hits(await ask(request));
  }
  return found;
}

async function queryWithPayload() {
  const [hit] = await ask({
    query: nearest(1, 0, 0, 0), using: 'text', filter: london,
    withPayload: included('city', 'tags'),
    withVectors: { selectorOptions: { case: 'include', value: { names: ['image'] } } },
  });
  return [plainId(hit.id), plainPayload(hit.payload), plainVectors(hit.vectors)];
}

async function queryInStages() {
  const prefetch = [
    { query: nearest(1, 0, 0, 0), using: 'text', limit: 3n },
    { query: sparse([1, 9], [2, 1]), using: 'words', limit: 3n },
  ];
  const staged = async (query: Query, using?: string) =>
    hits(await ask({ prefetch, query, using, limit: 4n }));
  return {
    rrf: await staged({ variant: { case: 'fusion', value: 0 } }),
    dbsf: await staged({ variant: { case: 'fusion', value: 1 } }),
    rescored: await staged(nearest(0, 0, 0), 'image'),
  };
}

async function queryByExamples() {
  const vector = { variant: { case: 'dense' as const, value: { data: [0, 0, 1, 0] } } };
  const recommend = { positive: [byId(1), vector], negative: [byId(2)], strategy: 0 };
  const context = { pairs: [{ positive: byId(4), negative: byId(5) }] };
  const discover = { target: byId(3), context };
  return {
    recommend: hits(
      await ask({ query: { variant: { case: 'recommend', value: recommend } }, using: 'text' }),
    ),
    discover: ids(
      await ask({ query: { variant: { case: 'discover', value: discover } }, using: 'image' }),
    ),
    order: ids(
      await ask({ query: { variant: { case: 'orderBy', value: { key: 'price', direction: 0 } } } }),
    ),
  };
}

async function queryBatch() {
  const { result } = await points.queryBatch({
    collectionName,
    queryPoints: [
      { collectionName, query: nearest(1, 0, 0, 0), using: 'text', limit: 2n },
      { collectionName, query: nearest(0, 0, 0), using: 'image', limit: 1n },
    ],
  });
  return result.map((answer) => hits(answer.result));
}

async function queryGroups() {
  const { result } = await points.queryGroups({
    collectionName, groupBy: 'city', groupSize: 2n, query: nearest(1, 0, 0, 0), using: 'text',
  });
  return result?.groups.map((group) => [group.id?.kind.value, hits(group.hits)]);
}

async function olderSearches() {
  const search = await points.search({
    collectionName, vector: [1, 0.5, 0, 0], vectorName: 'text', limit: 3n,
  });
  const recommend = await points.recommend({
    collectionName, positive: [pointId(4)], negative: [pointId(2)], using: 'text', limit: 3n,
  });
  return { search: hits(search.result), recommend: hits(recommend.result) };
}

async function facet() {
  const { hits: counts } = await points.facet({ collectionName, key: 'city', exact: true });
  return counts.map((hit) => [hit.value?.variant.value, Number(hit.count)]);
}

async function matrix() {
  const { result } = await points.searchMatrixPairs({
    collectionName, filter: berlin, using: 'text', sample: 2n, limit: 1n,
  });
  return result?.pairs.map((pair) => [plainId(pair.a), plainId(pair.b), pair.score]);
}

async function payloadOperations() {
  const set = (payload: object, pointsSelector: ReturnType<typeof these>) => ({
    collectionName, wait, payload: fields(payload), pointsSelector,
  });
  const seen = { ...set({ seen: false }, these()), pointsSelector: matching(london) };
  const outcomes = [
    await points.setPayload(set({ seen: true, number: 10 }, these(1))),
    await points.setPayload({ ...set({ added: 'deep' }, these(4)), key: 'nested.deep' }),
    await points.setPayload(seen),
    await points.overwritePayload(set({ only: ['this'] }, these(2))),
    await points.deletePayload({
      collectionName, wait, keys: ['price', 'nested.deep.list'], pointsSelector: these(4, 5),
    }),
    await points.clearPayload({ collectionName, wait, points: these(UUID) }),
  ];
  const { result } = await points.get({
    collectionName, ids: POINTS.map((point) => pointId(point.id)), withPayload: everything,
  });
  const payloads = Object.fromEntries(
    result.map((record) => [plainId(record.id), plainPayload(record.payload)]),
  );
  const { 1: first, 3: third, ...others } = payloads;
  return {
    outcomes: outcomes.map(outcome),
    1: [first.seen, first.number, first.city],
    3: third.seen,
    ...others,
  };
}

async function vectorOperations() {
  const named = { case: 'vectors' as const, value: { vectors: { image: dense([1, 1, 1]) } } };
  const outcomes = [
    await points.updateVectors({
      collectionName, wait, points: [{ id: pointId(1), vectors: { vectorsOptions: named } }],
    }),
    await points.deleteVectors({
      collectionName, wait, vectors: { names: ['words'] }, pointsSelector: these(1),
    }),
  ];
  const { result } = await points.get({
    collectionName, ids: [pointId(1)], withVectors: everything,
  });
  return { outcomes: outcomes.map(outcome), 1: plainVectors(result[0].vectors) };
}

async function batchUpdate() {
  const added = struct({ ...POINTS[0], id: 7, payload: {} });
  const setPayload = { payload: fields({ n: 7 }), pointsSelector: these(7) };
  const { result } = await points.updateBatch({
    collectionName,
    wait,
    operations: [
      { operation: { case: 'upsert', value: { points: [added] } } },
      { operation: { case: 'setPayload', value: setPayload } },
      { operation: { case: 'deletePoints', value: { points: these(5) } } },
    ],
  });
  const records = (await points.scroll({ collectionName, limit: 10 })).result;
  const seven = records.find((record) => plainId(record.id) === 7);
  return { outcomes: result.length, ids: ids(records), 7: plainPayload(seven?.payload ?? {}) };
}

async function deletePoints() {
  const outcomes = [
    await points.delete({ collectionName, wait, points: these(7, 2) }),
    await points.delete({ collectionName, wait, points: matching(berlin) }),
  ];
  return [...outcomes.map(outcome), ids((await points.scroll({ collectionName })).result)];
}

type AliasOperation = Parameters<typeof collections.updateAliases>[0]['actions'];

async function aliases() {
  const change = async (actions: AliasOperation) =>
    (await collections.updateAliases({ actions })).result;
  const names = async () =>
    (await collections.listCollectionAliases({ collectionName })).aliases.map(
      (alias) => alias.aliasName,
    );
  const [aliasName, renamed] = ['tour_alias', 'tour_renamed'];
  const rename = { oldAliasName: aliasName, newAliasName: renamed };
  return [
    await change([{ action: { case: 'createAlias', value: { collectionName, aliasName } } }]),
    await count(aliasName),
    await change([{ action: { case: 'renameAlias', value: rename } }]),
    await names(),
    (await collections.listAliases({})).aliases.some((alias) => alias.aliasName === renamed),
    await change([{ action: { case: 'deleteAlias', value: { aliasName: renamed } } }]),
    await names(),
  ];
}

function unnamed(...data: number[]) {
  return { vectorsOptions: { case: 'vector' as const, value: dense(data) } };
}

async function oneUnnamedVector() {
  const params = { size: 2n, distance: COSINE };
  await collections.create({
    collectionName: SECOND, vectorsConfig: { config: { case: 'params', value: params } },
  });
  const point = { id: pointId(1), vectors: unnamed(3, 4) };
  await points.upsert({ collectionName: SECOND, points: [point], wait });
  const { result } = await points.get({
    collectionName: SECOND, ids: [pointId(1)], withVectors: everything,
  });
  const { result: updated } = await collections.update({
    collectionName: SECOND, hnswConfig: { efConstruct: 150n },
  });
  const described = (await collections.get({ collectionName: SECOND })).result;
  const beam = described?.config?.hnswConfig?.efConstruct;
  return [plainVectors(result[0].vectors), updated, Number(beam)];
}

async function errors() {
  const asked = (request: QueryPoints) =>
    refusal(points.query({ ...request, collectionName: SECOND }));
  const params = { size: 2n, distance: DOT };
  const short = { id: pointId(1), vectors: unnamed(1) };
  return {
    'missing collection': await refusal(collections.get({ collectionName: 'tour_absent' })),
    'existing collection': await refusal(
      collections.create({
        collectionName: SECOND, vectorsConfig: { config: { case: 'params', value: params } },
      }),
    ),
    'wrong length': await refusal(points.upsert({ collectionName: SECOND, points: [short] })),
    'wrong name': await asked({ query: nearest(1, 0), using: 'absent' }),
    'wrong query': await asked({ query: nearest(1, 0, 0) }),
    'missing point': await asked({ query: { variant: { case: 'nearest', value: byId(77) } } }),
    'limit of zero': await asked({ query: nearest(1, 0), limit: 0n }),
    'facet without index': await refusal(points.facet({ collectionName: SECOND, key: 'city' })),
  };
}

await makeTour({
  create_collection: createCollection,
  upsert: async () =>
    outcome(await points.upsert({ collectionName, points: POINTS.map(struct), wait })),
  collection_info: collectionInfo,
  retrieve,
  create_indexes: createIndexes,
  count: async () => [await count(COLLECTION), await count(COLLECTION, berlin)],
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
    (await collections.delete({ collectionName: COLLECTION })).result,
    (await collections.delete({ collectionName: SECOND })).result,
    await exists(COLLECTION),
  ],
});
