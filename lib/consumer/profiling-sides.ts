// lib/consumer: the legs of one profiling run, where their effects go, and what is compared.
// in: a run, the processors · out: legs that take turns, results in the store, comparisons
import type { ComparedResults, ProfilingLeg, ProfilingRun, ProfilingTotals, ProfilingVariant } from '../model/profiling.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock, ResultStore } from '../ports.ts';
import type { ConsumerSettings } from './options.ts';
import type { Processor, ProcessorContext } from './processor.ts';
import { ResultsJoin, type ToldResult } from './profiling-join.ts';
import { ProfilingLegRun } from './profiling-leg.ts';
import { PrimaryAnswers } from './profiling-primary-answers.ts';
import { LegResults, spaceOf } from './profiling-results.ts';

export interface ProfilingSidesOptions {
  readonly run: ProfilingRun;
  readonly settings: Pick<ConsumerSettings, 'workerId' | 'concurrencyPerShard' | 'maxBatchRecords'>;
  readonly epoch: number;
  readonly processor: Processor;
  readonly candidate: Processor | undefined;
  readonly store: ResultStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Until when the store is to keep what is written now. */
  readonly untilMs: () => number;
  readonly onFailed: (doing: string, error: unknown) => void;
}

interface Variant extends ProfilingVariant {
  readonly leg: ProfilingLeg;
}

interface Join {
  readonly left: ComparedResults['left'];
  readonly right: ComparedResults['right'];
  readonly join: ResultsJoin;
}

/** The legs of a request: as it is, the same again, the other. */
const variantsOf = ({ request }: ProfilingRun): Variant[] => {
  const variants: Variant[] = [{ leg: 'a', processor: 'current' }];
  if (request.aa) variants.push({ leg: 'aa', processor: 'current' });
  if (request.other !== undefined) variants.push({ leg: 'b', ...request.other });
  return variants;
};

/** Leg a is compared with each other one, and with the primary where that is asked for. */
const joinsOf = ({ request }: ProfilingRun): Join[] => {
  const { compare, aa, other } = request;
  if (compare === undefined) return [];
  const join = (right: ComparedResults['right']): Join => ({
    left: 'a',
    right,
    join: new ResultsJoin('a', right, compare.ignore),
  });
  return [
    ...(aa ? [join('aa')] : []),
    ...(other === undefined ? [] : [join('b')]),
    ...(compare.with === 'primary' ? [join('primary')] : []),
  ];
};

/** All sides of one run. */
export class ProfilingSides {
  readonly legs: readonly ProfilingLegRun[];
  readonly #options: ProfilingSidesOptions;
  readonly #results: readonly LegResults[];
  readonly #joins: readonly Join[];
  readonly #primary: PrimaryAnswers | null;

  constructor(options: ProfilingSidesOptions) {
    const { run, settings, store, signal, epoch, clock, onFailed } = options;
    const { application, streamName, shardId } = run;
    const of: Pick<ProcessorContext, 'application' | 'streamName' | 'shardId' | 'workerId' | 'epoch' | 'signal'> = {
      application,
      streamName,
      shardId,
      workerId: settings.workerId,
      epoch,
      signal,
    };
    this.#options = options;
    this.#joins = joinsOf(run);
    const sides = variantsOf(run).map(({ leg, ...variant }) => {
      const results = new LegResults(store, spaceOf(run, leg), options.untilMs, (told) => this.#told(leg, told));
      const legRun = new ProfilingLegRun({
        leg,
        processor: variant.processor === 'candidate' ? (options.candidate ?? options.processor) : options.processor,
        of,
        lanes: variant.concurrencyPerShard ?? settings.concurrencyPerShard,
        maxBatchRecords: variant.maxBatchRecords ?? settings.maxBatchRecords,
        results,
        clock,
        onFailed,
      });
      return { legRun, results };
    });
    this.legs = sides.map(({ legRun }) => legRun);
    this.#results = sides.map(({ results }) => results);
    const withPrimary = this.#joins.find(({ right }) => right === 'primary');
    this.#primary = withPrimary === undefined ? null : new PrimaryAnswers(store, spaceOf(run, 'primary'), withPrimary.join);
  }

  async begin(): Promise<void> {
    await Promise.all(this.legs.map((leg) => leg.begin()));
  }

  async finish(): Promise<void> {
    await Promise.all(this.legs.map((leg) => leg.finish()));
  }

  /** The legs are given these records now. */
  given(records: readonly StreamRecord[]): void {
    this.#primary?.given(records, this.#options.clock.nowMs());
  }

  /** Writes what was told, asks for what the primary told, gives up what was waited for too long. */
  async settle(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    for (const { join } of this.#joins) join.settle(nowMs);
    await Promise.all(this.#results.map((results) => results.write()));
    await this.#primary?.ask(nowMs);
  }

  totals(): Pick<ProfilingTotals, 'legs' | 'comparisons'> {
    return { legs: this.legs.map((leg) => leg.totals()), comparisons: this.#joins.map(({ join }) => join.compared()) };
  }

  /** Takes away what the store still holds of the run. */
  async clear(): Promise<void> {
    for (const results of this.#results) await results.clear();
    if (this.#primary !== null) await this.#options.store.clear(spaceOf(this.#options.run, 'primary'));
  }

  #told(leg: ComparedResults['left'], told: ToldResult): void {
    const nowMs = this.#options.clock.nowMs();
    if (leg === 'a') this.#primary?.told(told);
    for (const { left, right, join } of this.#joins) {
      if (leg === left) join.tell('left', told, nowMs);
      else if (leg === right) join.tell('right', told, nowMs);
    }
  }
}
