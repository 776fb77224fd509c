// lib/consumer: the primary's side of a comparison: while a run compares with it, its results of the sampled keys are written where the host finds them.
// in: live runs, a processor's `context.results.tell` · out: entries in the shared result store
import type { ProfilingRun } from '../model/profiling.ts';
import type { Clock, ResultStore } from '../ports.ts';
import { shareBoundsOf } from '../shadow/adapt-share.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import { isSampled, KeyPlaces } from '../shadow/sampling.ts';
import { plainResults } from './plain-context.ts';
import type { ProcessorResults } from './processor.ts';
import { keyOfResult } from './profiling-join.ts';
import { spaceOf, toldOf } from './profiling-results.ts';

/** Without word of the run for so long the primary tells nothing more: looks come every minute. */
const FORGET_MS = 100_000;
/** In the store the host asks for them within a minute. */
const KEPT_MS = 120_000;
const MAX_UNWRITTEN = 20_000;
/** Under which names the primary has told results so far: one entry of the space. Its key is no result's. */
export const NAMES_KEY = 'names';
const MAX_NAMES = 20;

interface Told {
  readonly space: string;
  readonly results: ProcessorResults;
  readonly untilMs: number;
}

/** What this worker's own shards tell. */
export class PrimaryResults {
  readonly #store: ResultStore;
  readonly #clock: Clock;
  readonly #places: KeyPlaces;
  readonly #compared = new Map<string, Told>();
  #unwritten = new Map<string, Map<string, string>>();
  #count = 0;
  readonly #names = new Map<string, Set<string>>();

  constructor(store: ResultStore, clock: Clock, hash: Hash64) {
    this.#store = store;
    this.#clock = clock;
    this.#places = new KeyPlaces(hash);
  }

  /** Where the results of a shard go now. */
  of(shardId: string): ProcessorResults {
    if (this.#compared.size === 0) return plainResults;
    const told = this.#compared.get(shardId);
    return told === undefined || told.untilMs <= this.#clock.monotonicMs() ? plainResults : told.results;
  }

  get isTelling(): boolean {
    return this.#compared.size > 0;
  }

  /** The live runs, as just read. */
  note(runs: readonly ProfilingRun[]): void {
    const before = new Map(this.#compared);
    this.#compared.clear();
    const spaces = new Set(runs.map((run) => spaceOf(run, 'primary')));
    for (const space of this.#names.keys()) if (!spaces.has(space)) this.#names.delete(space);
    if (!this.#store.isShared) return;
    for (const run of runs) {
      if (run.request.compare?.with !== 'primary') continue;
      const space = spaceOf(run, 'primary');
      const known = before.get(run.shardId);
      // The most that is ever sampled: the share may change between two looks.
      const share = shareBoundsOf(run.request).maxShare;
      const results = known?.space === space ? known.results : this.#resultsOf(space, share);
      this.#compared.set(run.shardId, { space, results, untilMs: this.#clock.monotonicMs() + FORGET_MS });
    }
  }

  /** Writes what was told since the last time. */
  async write(): Promise<void> {
    const unwritten = this.#unwritten;
    this.#unwritten = new Map();
    this.#count = 0;
    for (const [space, entries] of unwritten) {
      const names = JSON.stringify([...(this.#names.get(space) ?? [])]);
      await this.#store.put(space, [...entries, [NAMES_KEY, names]], this.#clock.nowMs() + KEPT_MS);
    }
  }

  #resultsOf(space: string, share: number): ProcessorResults {
    return {
      ...plainResults,
      tell: (record, result, name) => {
        if (this.#count >= MAX_UNWRITTEN || !isSampled(this.#places.of(record.partitionKey), share)) return;
        const told = toldOf(record, result, name);
        const entries = this.#unwritten.get(space) ?? new Map<string, string>();
        this.#unwritten.set(space, entries);
        entries.set(keyOfResult(told), told.json);
        const names = this.#names.get(space) ?? new Set<string>();
        if (names.size < MAX_NAMES) this.#names.set(space, names.add(told.name));
        this.#count += 1;
      },
    };
  }
}
