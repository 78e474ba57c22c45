// How do points, payloads and answers of gRPC become plain JSON, and JSON become points?

import {
  ConnectError, ConnectErrorCode, toDenseVector, toMultiDenseVector, toSparseVector,
  type PointId, type RetrievedPoint, type ScoredPoint, type UpdateResult, type Value,
  type VectorOutput, type VectorsOutput,
} from '@qdrant/js-client-grpc';
import type { Point } from './tour.js';

export function pointId(id: number | string) {
  const pointIdOptions =
    typeof id === 'number'
      ? { case: 'num' as const, value: BigInt(id) }
      : { case: 'uuid' as const, value: id };
  return { pointIdOptions };
}

export function dense(data: number[]) {
  return { vector: { case: 'dense' as const, value: { data } } };
}

export function struct({ id, payload, text, image, tokens, words }: Point) {
  const vectors = {
    text: dense(text),
    image: dense(image),
    tokens: {
      vector: { case: 'multiDense' as const, value: { vectors: tokens.map((data) => ({ data })) } },
    },
    words: { vector: { case: 'sparse' as const, value: words } },
  };
  return {
    id: pointId(id),
    vectors: { vectorsOptions: { case: 'vectors' as const, value: { vectors } } },
    payload: fields(payload),
  };
}

export interface Plain {
  kind:
    | { case: 'nullValue'; value: number }
    | { case: 'boolValue'; value: boolean }
    | { case: 'stringValue'; value: string }
    | { case: 'integerValue'; value: bigint }
    | { case: 'doubleValue'; value: number }
    | { case: 'listValue'; value: { values: Plain[] } }
    | { case: 'structValue'; value: { fields: Record<string, Plain> } };
}

export function fields(payload: object): Record<string, Plain> {
  return Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, toValue(value)]));
}

function toValue(value: unknown): Plain {
  if (value === null) return { kind: { case: 'nullValue', value: 0 } };
  if (typeof value === 'boolean') return { kind: { case: 'boolValue', value } };
  if (typeof value === 'string') return { kind: { case: 'stringValue', value } };
  if (Array.isArray(value)) {
    return { kind: { case: 'listValue', value: { values: value.map(toValue) } } };
  }
  if (typeof value === 'object') {
    return { kind: { case: 'structValue', value: { fields: fields(value as object) } } };
  }
  const number = value as number;
  return Number.isSafeInteger(number)
    ? { kind: { case: 'integerValue', value: BigInt(number) } }
    : { kind: { case: 'doubleValue', value: number } };
}

export function plainId(id?: PointId): unknown {
  const given = id?.pointIdOptions;
  return given?.case === 'num' ? Number(given.value) : given?.value;
}

function plainValue({ kind }: Value): unknown {
  switch (kind.case) {
    case 'integerValue':
      return Number(kind.value);
    case 'listValue':
      return kind.value.values.map(plainValue);
    case 'structValue':
      return plainPayload(kind.value.fields);
    case 'nullValue':
      return null;
    default:
      return kind.value;
  }
}

export function plainPayload(payload: Record<string, Value>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).map(([key, one]) => [key, plainValue(one)]));
}

export function plainVector(vector: VectorOutput): unknown {
  const sparse = toSparseVector(vector);
  if (sparse) return { indices: sparse.indices, values: sparse.values };
  const multi = toMultiDenseVector(vector);
  return multi ? multi.vectors.map((row) => row.data) : toDenseVector(vector)?.data;
}

export function plainVectors(output?: VectorsOutput): unknown {
  const given = output?.vectorsOptions;
  if (given?.case === 'vector') return plainVector(given.value);
  const named = given?.case === 'vectors' ? given.value.vectors : {};
  return Object.fromEntries(Object.entries(named).map(([name, one]) => [name, plainVector(one)]));
}

export function ids(points: (RetrievedPoint | ScoredPoint)[]): unknown[] {
  return points.map((point) => plainId(point.id));
}

export function hits(points: ScoredPoint[]): unknown[] {
  return points.map((point) => [plainId(point.id), point.score]);
}

export function outcome({ result }: { result?: UpdateResult }): string {
  const words: Record<number, string> = { 1: 'acknowledged', 2: 'completed' };
  return words[result?.status ?? 0] ?? `status ${result?.status}`;
}

export async function refusal(call: Promise<unknown>): Promise<string> {
  const kinds: Partial<Record<ConnectErrorCode, string>> = {
    [ConnectErrorCode.NotFound]: 'not found',
    [ConnectErrorCode.InvalidArgument]: 'invalid',
    [ConnectErrorCode.AlreadyExists]: 'exists',
  };
  try {
    await call;
  } catch (error) {
    return kinds[(error as ConnectError).code] ?? `${error}`;
  }
  return 'accepted';
}
