// lib/consumer: one leg of a profiling run: the user's processor, given a sample of the shard as the primary would give it, timed.
// in: sampled records in order, a turn at a time · out: sums of the window, distributions of the run, errors by class
//
// Lanes and calls are as in the primary. A call that throws is not waited for and tried again, as the primary would: a record that fails counts as failed and is
// left out. Where the error does not say which record it was, the records of the call come again one by one, to find out.
import { RecordFailure } from '../errors.ts';
import type { LegWindow, ProfilingLeg, ProfilingTotals } from '../model/profiling.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock } from '../ports.ts';
import { laneOf } from './dispatch-window.ts';
import { LatencySketch } from './latency-sketch.ts';
import type { Processor, ProcessorContext, ProcessorResults } from './processor.ts';
import type { TurnUse } from './profiling-meter.ts';
import { StageTimes } from './profiling-stages.ts';

export interface ProfilingLegOptions {
  readonly leg: ProfilingLeg;
  readonly processor: Processor;
  readonly of: Pick<ProcessorContext, 'application' | 'streamName' | 'shardId' | 'workerId' | 'epoch' | 'signal'>;
  readonly lanes: number;
  readonly maxBatchRecords: number;
  readonly results: ProcessorResults;
  readonly clock: Clock;
  /** A method of the processor's life cycle threw; there is nobody to repeat it for. */
  readonly onFailed: (doing: string, error: unknown) => void;
}

type Counts = Omit<LegWindow, 'leg' | 'turnMs' | 'cpuMs' | 'loopBusyMs' | 'ioWaitMs' | 'lanes' | 'maxBatchRecords' | 'stages'>;

const noCounts = () => ({
  records: 0,
  bytes: 0,
  failed: 0,
  errors: {} as Record<string, number>,
  calls: 0,
  callMs: 0,
  callRecords: 0,
  callRecordsSquared: 0,
  callRecordsMs: 0,
  tookMs: 0,
});

interface ErrorSample {
  message: string;
  sequenceNumber: string;
  count: number;
}

const MAX_CLASSES = 32;
const OTHER_CLASS = '(others)';
const MAX_MESSAGE = 200;

/** The name by which errors are counted. */
export const classOfError = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error;
  return error.name !== 'Error' && error.name !== '' ? error.name : (error.constructor.name ?? 'Error');
};

/** One leg. Turns come one after the other. */
export class ProfilingLegRun {
  readonly leg: ProfilingLeg;
  readonly #options: ProfilingLegOptions;
  readonly #context: ProcessorContext;
  readonly #stages: StageTimes;
  readonly #calls = new LatencySketch();
  readonly #waits = new LatencySketch();
  readonly #took = new LatencySketch();
  readonly #errors = new Map<string, ErrorSample>();
  #window = noCounts();
  #records = 0;
  #failed = 0;
  #turnBeganMs = 0;

  constructor(options: ProfilingLegOptions) {
    this.leg = options.leg;
    this.#options = options;
    this.#stages = new StageTimes(() => options.clock.monotonicMs());
    this.#context = {
      ...options.of,
      lanes: options.lanes,
      shadow: true,
      leg: options.leg,
      results: options.results,
      stage: this.#stages.stage,
      // Its position is nobody's.
      checkpoint: async () => {},
    };
  }

  /** Of the whole run. */
  get records(): number {
    return this.#records;
  }
  get failed(): number {
    return this.#failed;
  }
  /** How many records of one turn make full calls in every lane. */
  get turnRecords(): number {
    return this.#options.lanes * this.#options.maxBatchRecords;
  }

  async begin(): Promise<void> {
    await this.#hook('shardStarted', () => this.#options.processor.shardStarted?.(this.#context, 'LATEST'));
  }

  /** Gives the records to the processor, as many calls side by side as there are lanes. `waitedMs`: for how long other legs had their turn with the same records. */
  async turn(records: readonly StreamRecord[], waitedMs: number): Promise<void> {
    const { lanes, clock } = this.#options;
    this.#turnBeganMs = clock.monotonicMs();
    if (lanes === 1) return this.#lane(records, waitedMs);
    const parts = Array.from({ length: lanes }, (): StreamRecord[] => []);
    for (const record of records) parts[laneOf(record.partitionKey, lanes)]?.push(record);
    await Promise.all(parts.map((part) => this.#lane(part, waitedMs)));
  }

  /** The processor finishes what it holds, and forgets the shard. */
  async finish(): Promise<void> {
    const { processor, of } = this.#options;
    await this.#hook('flush', () => processor.flush?.(this.#context));
    await this.#hook('leaseLost', () => processor.leaseLost?.({ shardId: of.shardId, epoch: of.epoch }));
  }

  /** What was measured since the last call, with what its turns used. */
  takeWindow(use: TurnUse | undefined): LegWindow {
    const counts: Counts = this.#window;
    this.#window = noCounts();
    const { lanes, maxBatchRecords } = this.#options;
    return {
      leg: this.leg,
      ...counts,
      turnMs: use?.ms ?? 0,
      cpuMs: use?.cpuMs ?? 0,
      loopBusyMs: use?.loopBusyMs ?? 0,
      ioWaitMs: use?.loopIdleMs ?? 0,
      stolenMs: use?.stolenMs ?? null,
      lanes,
      maxBatchRecords,
      stages: this.#stages.takeWindow(),
    };
  }

  totals(): ProfilingTotals['legs'][number] {
    return {
      leg: this.leg,
      calls: this.#calls.latency(),
      waits: this.#waits.latency(),
      took: this.#took.latency(),
      stages: this.#stages.totals(),
      errorSamples: [...this.#errors].map(([errorClass, sample]) => ({ errorClass, ...sample })),
    };
  }

  async #lane(records: readonly StreamRecord[], waitedMs: number): Promise<void> {
    const { maxBatchRecords, of, clock } = this.#options;
    for (let at = 0; at < records.length && !of.signal.aborted; at += maxBatchRecords) {
      const call = records.slice(at, at + maxBatchRecords);
      const nowMs = clock.nowMs();
      for (const { arrivedAtMs } of call) this.#waits.record(Math.max(0, nowMs - arrivedAtMs - waitedMs));
      await this.#give(call);
    }
  }

  async #give(records: readonly StreamRecord[]): Promise<void> {
    if (records.length === 0 || this.#options.of.signal.aborted) return;
    const error = await this.#call(records);
    if (error === null) return this.#count(records);
    const named = error instanceof RecordFailure ? records.indexOf(error.record) : -1;
    if (named < 0 && records.length > 1) {
      for (const record of records) await this.#give([record]);
      return;
    }
    const at = Math.max(named, 0);
    this.#count(records.slice(0, at + 1));
    this.#fail(named < 0 ? error : (error as RecordFailure).cause, records[at]);
    await this.#give(records.slice(at + 1));
  }

  /** One call; the error that it threw, or null. */
  async #call(records: readonly StreamRecord[]): Promise<unknown> {
    const { processor, clock } = this.#options;
    const beganMs = clock.monotonicMs();
    try {
      await processor.process(records, this.#context);
      return null;
    } catch (error) {
      return error ?? new Error(`the processor threw ${String(error)}`);
    } finally {
      const tookMs = clock.monotonicMs() - beganMs;
      this.#calls.record(tookMs);
      const window = this.#window;
      window.calls += 1;
      window.callMs += tookMs;
      window.callRecords += records.length;
      window.callRecordsSquared += records.length ** 2;
      window.callRecordsMs += records.length * tookMs;
    }
  }

  #count(records: readonly StreamRecord[]): void {
    this.#records += records.length;
    this.#window.records += records.length;
    const tookMs = this.#options.clock.monotonicMs() - this.#turnBeganMs;
    this.#window.tookMs += tookMs * records.length;
    for (let i = 0; i < records.length; i += 1) this.#took.record(tookMs);
    for (const { data } of records) this.#window.bytes += data.byteLength;
  }

  #fail(error: unknown, record: StreamRecord | undefined): void {
    const found = classOfError(error);
    const errorClass = this.#errors.has(found) || this.#errors.size < MAX_CLASSES ? found : OTHER_CLASS;
    this.#failed += 1;
    this.#window.failed += 1;
    this.#window.errors[errorClass] = (this.#window.errors[errorClass] ?? 0) + 1;
    this.#errors.set(errorClass, {
      message: (error instanceof Error ? error.message : String(error)).slice(0, MAX_MESSAGE),
      sequenceNumber: record?.sequenceNumber ?? '',
      count: (this.#errors.get(errorClass)?.count ?? 0) + 1,
    });
  }

  async #hook(doing: string, call: () => Promise<void> | undefined): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#options.onFailed(doing, error);
    }
  }
}
