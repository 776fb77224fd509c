// local/demo-options: what a start was asked for, checked before anything is started.
// in: the command line's words · out: the load to replay and the settings, or the one thing that is wrong
import { type Load, loadOf } from './load.ts';
import { defaultNowMinute } from './steepest-rise.ts';
import { syntheticTrace } from './synthetic-trace.ts';
import { endOf, perMinute, readTrace, type Trace } from './trace.ts';

const MINUTE_MS = 60_000;
export const DEFAULT_RATE = 320;
/** kinesis-local chokes on more than about 900 records a second, puts and reads together with their shadows. */
export const HIGHEST_RATE = 400;

/** As commander gives them. */
export interface DemoArguments {
  readonly trace?: string;
  readonly at?: string;
  readonly rate?: string;
  readonly port?: string;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly killWorkerAfter?: string;
}

export interface DemoOptions {
  readonly trace: Trace;
  readonly load: Load;
  readonly port: number;
  readonly once: boolean;
  readonly json: boolean;
  readonly killWorkerAfterSec: number | null;
}

export type OptionsResult =
  | { readonly kind: 'options'; readonly options: DemoOptions }
  | { readonly kind: 'refused'; readonly message: string };

const refused = (message: string): OptionsResult => ({ kind: 'refused', message });

/** Reads and checks everything that can be wrong about a start. */
export const demoOptions = async (given: DemoArguments): Promise<OptionsResult> => {
  const rate = numberOf(given.rate ?? String(DEFAULT_RATE));
  if (rate === null || rate < 1)
    return refused(`--rate must be a number of records a second from 1 to ${HIGHEST_RATE}, got ${given.rate}`);
  if (rate > HIGHEST_RATE)
    return refused(`--rate must be at most ${HIGHEST_RATE} records a second, more chokes kinesis-local; got ${given.rate}`);
  const port = numberOf(given.port ?? '0');
  if (port === null || !Number.isInteger(port) || port > 65_535)
    return refused(`--port must be a whole number from 0 (any free one) to 65535, got ${given.port}`);
  const kill = given.killWorkerAfter === undefined ? null : numberOf(given.killWorkerAfter);
  if (given.killWorkerAfter !== undefined && (kill === null || kill <= 0))
    return refused(`--kill-worker-after must be a number of seconds above 0, got ${given.killWorkerAfter}`);

  let trace: Trace;
  if (given.trace === undefined) trace = syntheticTrace();
  else {
    const read = await readTrace(given.trace);
    if (read.kind === 'refused') return read;
    trace = read.trace;
  }
  const minutes = perMinute(trace.total, trace.stepMs);
  const last = minutes.length - 1;
  let nowMinute: number;
  if (given.at === undefined) {
    const found = defaultNowMinute(minutes);
    if (found === null) return refused(`${trace.name}: never rises over ten minutes; name a moment with --at`);
    nowMinute = found;
  } else {
    const atMs = timeOf(given.at);
    if (atMs === null) return refused(`--at must be an ISO 8601 time, got ${given.at}`);
    nowMinute = Math.floor((atMs - trace.startMs) / MINUTE_MS);
    if (nowMinute < 1 || nowMinute >= last) {
      return refused(
        `--at must lie within the trace, from ${iso(trace.startMs + MINUTE_MS)} to ${iso(endOf(trace) - MINUTE_MS)}, got ${given.at}`,
      );
    }
  }
  return {
    kind: 'options',
    options: {
      trace,
      load: loadOf(trace, nowMinute, rate),
      port,
      once: given.once === true,
      json: given.json === true,
      killWorkerAfterSec: kill,
    },
  };
};

const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
const numberOf = (text: string): number | null => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : null);

/** A time without a zone is read as UTC, as in the trace. */
const timeOf = (text: string): number | null => {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return null;
  const withTime = text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T');
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(withTime.slice(10)) ? withTime : `${withTime}Z`);
  return Number.isNaN(ms) ? null : ms;
};
