// lib/consumer: where a profiling copy's effects go: the result store, apart for each leg, gone with the run.
// in: a processor's `context.results` · out: entries in the store; results for those who compare
import type { StreamRecord } from '../model/shard.ts';
import type { ResultStore } from '../ports.ts';
import type { ProcessorResults } from './processor.ts';
import { jsonOf, keyOfResult, type ToldResult } from './profiling-join.ts';

/** The space of a leg of a run; `primary` is where the shard's owner tells its own results. */
export const spaceOf = (
  run: { readonly application: string; readonly streamName: string; readonly profileId: string },
  side: string,
): string => `${run.application}/${run.streamName}/${run.profileId}/${side}`;

/** A result as it is told. */
export const toldOf = (record: StreamRecord, result: unknown, name = ''): ToldResult => {
  const { sequenceNumber, subSequenceNumber, partitionKey } = record;
  return {
    sequenceNumber,
    ...(subSequenceNumber === undefined ? {} : { subSequenceNumber }),
    partitionKey,
    name,
    json: jsonOf(result),
  };
};

/** What waits to be written of a leg that tells faster than the store takes. */
const MAX_UNWRITTEN = 20_000;

/** One leg's results. */
export class LegResults implements ProcessorResults {
  readonly #store: ResultStore;
  readonly #space: string;
  readonly #untilMs: () => number;
  readonly #onTold: (told: ToldResult) => void;
  #unwritten = new Map<string, string>();

  constructor(store: ResultStore, space: string, untilMs: () => number, onTold: (told: ToldResult) => void) {
    this.#store = store;
    this.#space = space;
    this.#untilMs = untilMs;
    this.#onTold = onTold;
  }

  tell(record: StreamRecord, result: unknown, name?: string): void {
    const told = toldOf(record, result, name);
    if (this.#unwritten.size < MAX_UNWRITTEN) this.#unwritten.set(`result:${keyOfResult(told)}`, told.json);
    this.#onTold(told);
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.#store.put(this.#space, [[`put:${key}`, jsonOf(value)]], this.#untilMs());
  }

  async get(key: string): Promise<unknown> {
    const [json] = await this.#store.get(this.#space, [`put:${key}`]);
    return json === null || json === undefined ? null : JSON.parse(json);
  }

  /** Writes what was told since the last time. */
  async write(): Promise<void> {
    if (this.#unwritten.size === 0) return;
    const entries = [...this.#unwritten];
    this.#unwritten = new Map();
    await this.#store.put(this.#space, entries, this.#untilMs());
  }

  clear(): Promise<void> {
    this.#unwritten = new Map();
    return this.#store.clear(this.#space);
  }
}
