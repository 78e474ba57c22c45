// What do the tours of both clients share? The points, the order of steps, and the report.

import { readFileSync, writeFileSync } from 'node:fs';

export interface Point {
  id: number | string;
  text: number[];
  image: number[];
  tokens: number[][];
  words: { indices: number[]; values: number[] };
  payload: Record<string, unknown>;
}

export type Steps = Record<string, () => Promise<unknown>>;

export const COLLECTION = 'tour';
export const SECOND = 'tour_second';
const [kind, address, pointsFile, reportFile] = process.argv.slice(2) as string[];
export const POINTS: Point[] = JSON.parse(readFileSync(pointsFile, 'utf-8'));
export const UUID = POINTS[POINTS.length - 1].id as string;
export { address, kind };

/** Make all steps in order and write what each answered. */
export async function makeTour(steps: Steps): Promise<void> {
  const answers: Record<string, unknown> = {};
  for (const [name, make] of Object.entries(steps)) {
    answers[name] = await make();
  }
  writeFileSync(reportFile, JSON.stringify({ client: `typescript ${kind}`, answers }));
}
