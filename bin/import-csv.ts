// bin/import-csv: a file of past demand.
// in: `timestamp,records[,bytes][,startingHashKey,endingHashKey]` · out: its steps, or the line that is wrong, with what was received and what is allowed
import type { ImportedStep } from '../lib/history/imported-past.ts';
import { MINUTE_MS } from '../lib/model/demand.ts';
import { HashKeyRange, rangeText, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import { isoTimeMs } from '../local/iso-time.ts';
import { isNoText } from '../local/trace.ts';

const COLUMNS = 'timestamp,records[,bytes][,startingHashKey,endingHashKey]';
const DAY_MS = 1440 * MINUTE_MS;

export type PastResult =
  | { readonly kind: 'past'; readonly steps: readonly ImportedStep[]; readonly stepMs: number }
  | { readonly kind: 'refused'; readonly message: string };

/** Reads every line before it answers. `bytesPerRecord` stands in where the file has no bytes; without either, bytes stay unknown. */
export const parsePast = (text: string, file: string, bytesPerRecord: number | null, nowMs: number): PastResult => {
  const refused = (line: number, wrong: string): PastResult => ({ kind: 'refused', message: `${file}:${line}: ${wrong}` });
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)!.trim() === '') lines.pop();
  if (lines.length === 0) return { kind: 'refused', message: `${file}: is empty; expected the columns ${COLUMNS}` };
  if (isNoText(lines[0]!)) return refused(1, `is no text; expected the columns ${COLUMNS}`);
  const header = lines[0]!.split(',').map((name) => name.trim().toLowerCase());
  const unknown = header.find((name) => !['timestamp', 'records', 'bytes', 'startinghashkey', 'endinghashkey'].includes(name));
  if (unknown !== undefined) return refused(1, `column ${JSON.stringify(unknown)} is not known; expected ${COLUMNS}`);
  const missing = ['timestamp', 'records'].filter((name) => !header.includes(name));
  if (missing.length > 0)
    return refused(1, `column ${missing.join(' and ')} is missing; got ${header.join(',')}, expected ${COLUMNS}`);
  if (header.includes('startinghashkey') !== header.includes('endinghashkey'))
    return refused(1, `startingHashKey and endingHashKey go together; got ${header.join(',')}`);
  if (new Set(header).size < header.length) return refused(1, `a column is named twice; got ${header.join(',')}`);
  if (lines.length < 2) return refused(1, 'no row of data follows');
  const steps: ImportedStep[] = [];
  const lineOf = new Map<string, number>();
  for (let i = 1; i < lines.length; i++) {
    const cells = lines[i]!.split(',').map((cell) => cell.trim());
    if (cells.length !== header.length)
      return refused(i + 1, `has ${cells.length} columns, expected ${header.length} (${header.join(',')})`);
    const cell = (name: string): string => cells[header.indexOf(name)] ?? '';
    const startMs = isoTimeMs(cell('timestamp'));
    if (startMs === null) return refused(i + 1, `timestamp must be an ISO 8601 time, got ${JSON.stringify(cell('timestamp'))}`);
    if (startMs >= nowMs) return refused(i + 1, `timestamp must lie in the past, got ${cell('timestamp')}`);
    const [records, bytes] = [countOf(cell('records')), header.includes('bytes') ? countOf(cell('bytes')) : null];
    if (records === undefined)
      return refused(i + 1, `records must be a number >= 0 or empty, got ${JSON.stringify(cell('records'))}`);
    if (bytes === undefined) return refused(i + 1, `bytes must be a number >= 0 or empty, got ${JSON.stringify(cell('bytes'))}`);
    const range = header.includes('startinghashkey') ? rangeOf(cell('startinghashkey'), cell('endinghashkey')) : WHOLE_RANGE;
    if (range === null)
      return refused(
        i + 1,
        `startingHashKey and endingHashKey must be decimal integers from 0 to 2^128 - 1, the first not above the second, got ${cell('startinghashkey')} and ${cell('endinghashkey')}`,
      );
    const key = `${startMs} ${rangeText(range)}`;
    const before = lineOf.get(key);
    if (before !== undefined) return refused(i + 1, `repeats the time and range of line ${before}`);
    lineOf.set(key, i + 1);
    const size =
      bytes ?? (records === null || bytesPerRecord === null || header.includes('bytes') ? null : records * bytesPerRecord);
    steps.push({ hashKeyRange: range, startMs, records, bytes: size });
  }
  return evenly(steps, refused, (step) => lineOf.get(`${step.startMs} ${rangeText(step.hashKeyRange)}`)!);
};

/** The step is the smallest distance between two rows of a range; a minute where no range has two. */
const evenly = (
  steps: readonly ImportedStep[],
  refused: (line: number, wrong: string) => PastResult,
  lineOf: (step: ImportedStep) => number,
): PastResult => {
  let stepMs = Number.POSITIVE_INFINITY;
  for (const own of Map.groupBy(steps, (step) => rangeText(step.hashKeyRange)).values()) {
    const times = own.map(({ startMs }) => startMs).sort((a, b) => a - b);
    for (let i = 1; i < times.length; i++) stepMs = Math.min(stepMs, times[i]! - times[i - 1]!);
  }
  if (!Number.isFinite(stepMs)) stepMs = MINUTE_MS;
  const line = lineOf(steps[0]!);
  if (stepMs > DAY_MS || (MINUTE_MS % stepMs !== 0 && stepMs % MINUTE_MS !== 0))
    return refused(line, `rows lie ${stepMs / 1000} s apart; a step must divide a minute, or be a multiple of it up to a day`);
  const grid = Math.max(stepMs, MINUTE_MS);
  const uneven = steps.find(
    ({ startMs }) => startMs % Math.min(stepMs, MINUTE_MS) !== 0 || (startMs - steps[0]!.startMs) % stepMs !== 0,
  );
  if (uneven !== undefined)
    return refused(
      lineOf(uneven),
      `timestamp is not on the grid of ${stepMs / 1000} s that begins at ${new Date(steps[0]!.startMs).toISOString()}`,
    );
  return { kind: 'past', steps: steps.toSorted((a, b) => a.startMs - b.startMs), stepMs: stepMs < MINUTE_MS ? stepMs : grid };
};

/** Null for an empty cell (a gap), undefined for what is no count. */
const countOf = (text: string): number | null | undefined => {
  if (text === '') return null;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
};

const rangeOf = (start: string, end: string): HashKeyRange | null => {
  const read = HashKeyRange.safeParse({ startingHashKey: start, endingHashKey: end });
  return read.success && read.data.startingHashKey <= read.data.endingHashKey ? read.data : null;
};
