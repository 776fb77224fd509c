// lib/telemetry: a worker's metrics as CloudWatch EMF lines, once an interval. docs/telemetry.md lists them.
// in: events, calls and status of a worker · out: lines to `write`
import { systemClock } from '../adapters/system-clock.ts';
import type { ConsumerStatus } from '../consumer/consumer-status.ts';
import type { ConsumerEvent } from '../consumer/events.ts';
import type { Clock } from '../ports.ts';
import { type EmfMetric, type EmfUnit, emfLines, MAX_VALUES } from './emf-line.ts';
import { eventCounters, eventTable, weightOf } from './event-table.ts';
import { Pauses } from './pauses.ts';
import type { Reporter, WatchedWorker } from './reporter.ts';
import { type Measures, ShardMeasures, samplesOf, together } from './shard-measures.ts';

export interface EmfOptions {
  readonly namespace: string;
  /** Takes one line, without its end: standard output where a log driver sends it to CloudWatch Logs, or the CloudWatch agent's socket. */
  readonly write: (line: string) => void;
  /** @default the machine's */
  readonly clock?: Clock;
  /** @default 60000: CloudWatch's finest period of an ordinary metric */
  readonly intervalMs?: number;
  /** A line per shard, with the dimension ShardId, beside the worker's. CloudWatch bills each of its metrics for each shard. @default false */
  readonly perShard?: boolean;
  /** @default process.memoryUsage */
  readonly memory?: () => { readonly rss: number; readonly heapUsed: number };
}

const metric = (name: string, unit: EmfUnit, value: number | readonly number[]): EmfMetric => ({ name, unit, value });
const perSec = (amount: number, ms: number): number => (ms > 0 ? (amount * 1000) / ms : 0);

/** What was processed in the interval; latency only where there was something. */
const processedMetrics = ({ records, bytes, failedRecords, calls, latencyMs, callUs }: Measures, ms: number): EmfMetric[] => [
  metric('RecordsProcessed', 'Count', records),
  metric('DataBytesProcessed', 'Bytes', bytes),
  metric('RecordsFailedProcessing', 'Count', failedRecords),
  metric('RecordsPerSecond', 'Count/Second', perSec(records, ms)),
  metric('BytesPerSecond', 'Bytes/Second', perSec(bytes, ms)),
  ...(records === 0
    ? []
    : [
        metric('ProcessingLatencyP50', 'Milliseconds', latencyMs.percentile(50)),
        metric('ProcessingLatencyP99', 'Milliseconds', latencyMs.percentile(99)),
        metric('ProcessingLatencyMax', 'Milliseconds', latencyMs.max),
      ]),
  ...(calls === 0
    ? []
    : [
        metric(
          'RecordProcessor.processRecords.Time',
          'Milliseconds',
          samplesOf(callUs, MAX_VALUES).map((us) => us / 1000),
        ),
      ]),
];

/** How far behind, and how much waits. A shard that waits for its parents is not behind. */
const backlogMetrics = (shards: ConsumerStatus['shards']): EmfMetric[] => {
  const begun = shards.filter(({ pending }) => !pending);
  return [
    metric(
      'QueuedRecords',
      'Count',
      shards.reduce((sum, { queuedRecords }) => sum + queuedRecords, 0),
    ),
    ...(begun.length === 0
      ? []
      : [metric('MillisBehindLatest', 'Milliseconds', Math.max(...begun.map(({ millisBehindLatest }) => millisBehindLatest)))]),
  ];
};

/** What the events of an interval add up to. */
class EventCounts {
  readonly #counts = new Map<string, number>();
  #pausesMs: number[] = [];
  #mostLateMs = 0;

  add(event: ConsumerEvent, pauseMs: number | null): void {
    const { counter } = eventTable[event.kind];
    if (counter !== null) this.#count(counter, weightOf(event));
    if (event.kind === 'lease-taken') this.#count(`${counter}.${event.how}`, 1);
    if (event.kind === 'heartbeat-late') this.#mostLateMs = Math.max(this.#mostLateMs, event.lateMs);
    if (pauseMs !== null) this.#pausesMs.push(pauseMs);
  }

  #count(name: string, by: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  metrics(): EmfMetric[] {
    const names = new Set([...eventCounters, ...this.#counts.keys()]);
    return [
      ...[...names].map((name) => metric(name, 'Count', this.#counts.get(name) ?? 0)),
      ...(this.#pausesMs.length === 0 ? [] : [metric('HandoverPause', 'Milliseconds', this.#pausesMs.slice(-MAX_VALUES))]),
      ...(this.#mostLateMs === 0 ? [] : [metric('HeartbeatLateness', 'Milliseconds', this.#mostLateMs)]),
    ];
  }
}

/** Reports every interval, and once more when it is stopped. */
export const emfReporter = ({
  namespace,
  write,
  clock = systemClock,
  intervalMs = 60_000,
  perShard = false,
  memory = () => process.memoryUsage(),
}: EmfOptions): Reporter => {
  const measures = new ShardMeasures();
  const pauses = new Pauses();
  const stopping = new AbortController();
  let events = new EventCounts();
  let sinceMs = clock.monotonicMs();
  let running: Promise<void> = Promise.resolve();

  const report = ({ application, streamName, status }: WatchedWorker) => {
    const { workerId, shards, shadows } = status();
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - sinceMs;
    sinceMs = nowMs;
    const byShard = measures.take();
    const counted = events;
    events = new EventCounts();
    const { rss, heapUsed } = memory();
    const dimensions = { Application: application, StreamName: streamName };
    const common = { namespace, atMs: clock.nowMs(), properties: { WorkerIdentifier: workerId } };
    const worker = [
      ...processedMetrics(together(byShard.values()), elapsedMs),
      ...backlogMetrics(shards),
      metric('CurrentLeases', 'Count', shards.length),
      metric('CurrentShadows', 'Count', shadows.length),
      ...counted.metrics(),
      metric('MemoryResident', 'Bytes', rss),
      metric('MemoryHeapUsed', 'Bytes', heapUsed),
    ];
    for (const line of emfLines({ ...common, dimensions, metrics: worker })) write(line);
    if (!perShard) return;
    for (const shard of shards) {
      const own = byShard.get(shard.shardId) ?? together([]);
      const metrics = [...processedMetrics(own, elapsedMs), ...backlogMetrics([shard])];
      for (const line of emfLines({ ...common, dimensions: { ...dimensions, ShardId: shard.shardId }, metrics })) write(line);
    }
  };

  return {
    event: (event) => events.add(event, pauses.note(event, clock.monotonicMs())),
    processed: (call) => measures.add(call),
    start: (worker, onError) => {
      running = (async () => {
        while (!stopping.signal.aborted) {
          await clock.sleep(intervalMs, stopping.signal);
          try {
            report(worker);
          } catch (error) {
            onError(error);
          }
        }
      })();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};
