// local/trace: real load from a CSV file.
// in: `timestamp,value` or `timestamp,key,count` · out: an even series, or the one thing that is wrong with the file
import { readFile } from 'node:fs/promises';
import { isoTimeMs } from './iso-time.ts';

const MINUTE_MS = 60_000;

/** Load over time: one count per step, NaN where nothing is known (a gap is not a zero). Keyed traces also tell which key each count belongs to. */
export interface Trace {
  readonly name: string;
  readonly synthetic: boolean;
  readonly startMs: number;
  readonly stepMs: number;
  readonly total: Float64Array;
  /** Empty for a trace without keys. */
  readonly keys: readonly { readonly key: string; readonly counts: Float32Array }[];
}

export type TraceResult =
  | { readonly kind: 'trace'; readonly trace: Trace }
  | { readonly kind: 'refused'; readonly message: string };

/** The end of the trace: the moment after its last step. */
export const endOf = (trace: Trace): number => trace.startMs + trace.total.length * trace.stepMs;

/** Reads a trace file; anything that is wrong with it comes back as one line with the file, the line and the reason. */
export const readTrace = async (file: string): Promise<TraceResult> => {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return {
      kind: 'refused',
      message: `${file}: ${code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a directory, not a file' : `cannot be read (${code ?? error})`}`,
    };
  }
  return parseTrace(text, file);
};

/** Whether a line has what no text has: control characters, or bytes that are no UTF-8. */
export const isNoText = (line: string): boolean => /[\p{Cc}\uFFFD]/u.test(line.replaceAll('\t', ''));

/** Parses a trace's text. `file` is only named in messages. */
export const parseTrace = (text: string, file: string): TraceResult => {
  const refused = (line: number, wrong: string): TraceResult => ({ kind: 'refused', message: `${file}:${line}: ${wrong}` });
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)?.trim() === '') lines.pop();
  if (lines.length === 0)
    return { kind: 'refused', message: `${file}: is empty; expected the columns timestamp,value or timestamp,key,count` };
  if (isNoText(lines[0]!)) return refused(1, 'is no text; expected the columns timestamp,value or timestamp,key,count');
  const header = lines[0]!.split(',').map((name) => name.trim().toLowerCase());
  const keyed = header.includes('key') || header.includes('count');
  const wanted = keyed ? ['timestamp', 'key', 'count'] : ['timestamp', 'value'];
  const missing = wanted.filter((name) => !header.includes(name));
  if (missing.length > 0)
    return refused(
      1,
      `column ${missing.join(' and ')} is missing; got ${header.join(',')}, expected timestamp,value or timestamp,key,count`,
    );
  if (lines.length < 3) return refused(lines.length, 'has fewer than two rows of data');
  const [timeAt, keyAt, countAt] = [
    header.indexOf('timestamp'),
    header.indexOf('key'),
    header.indexOf(keyed ? 'count' : 'value'),
  ];

  const times: number[] = [];
  const values: number[] = [];
  const names: string[] = [];
  for (let i = 1; i < lines.length; i++) {
    const cells = lines[i]!.split(',');
    if (cells.length !== header.length)
      return refused(i + 1, `has ${cells.length} columns, expected ${header.length} (${header.join(',')})`);
    const timeText = cells[timeAt]!.trim();
    const time = isoTimeMs(timeText);
    if (time === null) return refused(i + 1, `timestamp is not an ISO 8601 time, got ${JSON.stringify(timeText)}`);
    const previous = times.at(-1);
    if (previous !== undefined && (keyed ? time < previous : time <= previous)) {
      return refused(
        i + 1,
        `time is not sorted: ${timeText} ${time === previous ? 'repeats the row before' : 'comes before the row above'}`,
      );
    }
    const valueText = cells[countAt]!.trim();
    const value = valueText === '' && !keyed ? Number.NaN : toNumber(valueText);
    if (value === null) return refused(i + 1, `${header[countAt]} is not a number, got ${JSON.stringify(valueText)}`);
    if (value < 0) return refused(i + 1, `${header[countAt]} is negative, got ${valueText}`);
    if (keyed) {
      const key = cells[keyAt]!.trim();
      if (key === '' || key.length > 256) return refused(i + 1, `key must have 1 to 256 characters, got ${key.length}`);
      names.push(key);
    }
    times.push(time);
    values.push(value);
  }

  let stepMs = Number.POSITIVE_INFINITY;
  for (let i = 1; i < times.length; i++) if (times[i]! > times[i - 1]!) stepMs = Math.min(stepMs, times[i]! - times[i - 1]!);
  if (!Number.isFinite(stepMs)) return refused(lines.length, 'all rows have the same time; a trace needs at least two steps');
  const startMs = times[0]!;
  const length = (times.at(-1)! - startMs) / stepMs + 1;
  const uneven = times.findIndex((time) => !Number.isInteger((time - startMs) / stepMs));
  if (uneven !== -1)
    return refused(
      uneven + 2,
      `time is not on the even grid of ${stepMs / 1000} s that starts at ${new Date(startMs).toISOString()}`,
    );
  if (length > 20_000_000 || (!keyed && length > times.length * 10))
    return refused(lines.length, `rows are too far apart for a step of ${stepMs / 1000} s; steps must be equal`);

  // A row that is not there is a zero in a keyed trace and a gap in the other.
  const total = new Float64Array(length).fill(keyed ? 0 : Number.NaN);
  const byKey = new Map<string, Float32Array>();
  times.forEach((time, i) => {
    const at = Math.round((time - startMs) / stepMs);
    if (!keyed) total[at] = values[i]!;
    else {
      total[at]! += values[i]!;
      const counts = byKey.get(names[i]!) ?? new Float32Array(length);
      byKey.set(names[i]!, counts);
      counts[at]! += values[i]!;
    }
  });
  if (!total.some((value) => value > 0)) return { kind: 'refused', message: `${file}: has no value above zero` };
  const keys = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, counts]) => ({ key, counts }));
  return { kind: 'trace', trace: { name: file.split('/').at(-1)!, synthetic: false, startMs, stepMs, total, keys } };
};

/** A time without a zone is read as UTC. */
const toNumber = (text: string): number | null => {
  const value = text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
};

/** Per-minute means of any even series of counts, in counts a second: finer steps are added up, coarser ones interpolated between their centres. */
export const perMinute = (counts: Float64Array | Float32Array, stepMs: number): Float64Array => {
  const perSec = 1000 / stepMs;
  if (stepMs === MINUTE_MS) return Float64Array.from(counts, (count) => count * perSec);
  const minutes = Math.floor((counts.length * stepMs) / MINUTE_MS);
  const result = new Float64Array(minutes);
  for (let m = 0; m < minutes; m++) {
    if (stepMs < MINUTE_MS) {
      const from = Math.floor((m * MINUTE_MS) / stepMs);
      const until = Math.max(Math.floor(((m + 1) * MINUTE_MS) / stepMs), from + 1);
      let sum = 0;
      for (let i = from; i < until; i++) sum += counts[i]!;
      result[m] = (sum / (until - from)) * perSec;
    } else {
      const position = ((m + 0.5) * MINUTE_MS) / stepMs - 0.5;
      const left = Math.max(Math.floor(position), 0);
      const right = Math.min(left + 1, counts.length - 1);
      const share = Math.min(Math.max(position - left, 0), 1);
      result[m] = share === 0 ? counts[left]! * perSec : (counts[left]! * (1 - share) + counts[right]! * share) * perSec;
    }
  }
  return result;
};
