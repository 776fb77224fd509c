// For any records, windows, lanes, failures, pauses, handovers, kills and changes of settings: what a processor and a lease may see of one shard.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ScriptedClock, scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import type { ProcessorContext } from '../../lib/consumer/processor.ts';
import type { ShardPosition } from '../../lib/consumer/shard-position.ts';
import { BufferBudget } from '../../lib/consumer/shard-queue.ts';
import { PoisonError, RecordFailure, TransientError } from '../../lib/errors.ts';
import { type Checkpoint, compareCheckpoints } from '../../lib/model/sequence-number.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { DigestChain } from '../../lib/shadow/digest-chain.ts';
import { aggregated } from '../support/kpl-aggregate.ts';
import { nameOf, type OwnedShard, ownShard, rawRecord, StreamOfOne, testHash } from '../support/owned-shard.ts';
import { sampleLease } from '../support/sample-lease.ts';

/** One raw record: a key, or the keys of an aggregate's parts. */
const rawArb = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 5 }) },
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 5 }) },
);
const failureArb = fc.record({
  /** Which record, as a share of all. */
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  times: fc.integer({ min: 1, max: 6 }),
  kind: fc.constantFrom('plain', 'named', 'transient', 'named transient', 'poison'),
});
const actionArb = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('run'), ms: fc.integer({ min: 0, max: 400 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause', 'blink', 'hand over', 'kill', 'checkpoint', 'late checkpoint', 'new chain', 'tune'),
      ms: fc.integer({ min: 0, max: 60 }),
    }),
  },
);
const caseArb = fc.record({
  raws: fc.array(rawArb, { minLength: 1, maxLength: 40 }),
  lanes: fc.integer({ min: 1, max: 6 }),
  maxBatchRecords: fc.integer({ min: 1, max: 8 }),
  checkpoints: fc.constantFrom('automatic' as const, 'manual' as const),
  slowness: fc.integer({ min: 0, max: 60 }),
  failures: fc.array(failureArb, { maxLength: 4 }),
  actions: fc.array(actionArb, { maxLength: 12 }),
  seed: fc.integer(),
});
type Case = typeof caseArb extends fc.Arbitrary<infer T> ? T : never;

const chanceFrom = (seed: number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** The processor, the lease and everything that they saw. */
class Trial {
  readonly stream = new StreamOfOne();
  readonly clock: ScriptedClock = scriptedClock(1_700_000_000_000);
  readonly budget = new BufferBudget(1_000_000);
  readonly events: ConsumerEvent[] = [];
  /** All user records in stream order. */
  readonly order: { name: string; key: string; position: ShardPosition }[] = [];
  readonly violations: string[] = [];
  readonly done = new Set<string>();
  readonly returned = new Map<string, number>();
  /** Of the present owner: what it was given, what was in a call that threw, what a declaration covers. */
  #given = new Set<string>();
  #threw = new Set<string>();
  #declared = new Set<string>();
  #inFlight: StreamRecord[][] = [];
  #kept: { checkpoint: () => Promise<void>; given: readonly StreamRecord[] }[] = [];
  readonly #failures = new Map<string, { kind: string; left: number }>();
  readonly #chance: () => number;
  readonly #case: Case;
  readonly #onPoison: 'skip' | 'stop';
  #leasedAt: ShardPosition = { checkpoint: 'TRIM_HORIZON' };
  #begunAt = 0;
  #stoppedAt = Number.POSITIVE_INFINITY;
  #chainFrom: Checkpoint | null = null;
  #mostBatch = 0;
  shard: OwnedShard;

  constructor(test: Case, onPoison: 'skip' | 'stop' = 'skip') {
    this.#case = test;
    this.#onPoison = onPoison;
    this.#chance = chanceFrom(test.seed);
    test.raws.forEach((raw, n) => {
      if (typeof raw === 'number') {
        const record = rawRecord(n, `k${raw}`);
        this.stream.records.push(record);
        this.order.push({ name: nameOf(record), key: record.partitionKey, position: { checkpoint: record.sequenceNumber } });
        return;
      }
      const parts = raw.map((key) => ({ partitionKey: `k${key}`, data: new Uint8Array([n]) }));
      const record = rawRecord(n, 'a', aggregated(parts));
      this.stream.records.push(record);
      parts.forEach(({ partitionKey }, i) => {
        const isLast = i === parts.length - 1;
        const position = isLast
          ? { checkpoint: record.sequenceNumber }
          : { checkpoint: record.sequenceNumber, subSequenceNumber: i };
        this.order.push({ name: `${record.sequenceNumber}.${i}`, key: partitionKey, position });
      });
    });
    for (const { at, times, kind } of test.failures) {
      const target = this.order[Math.floor(at * this.order.length)];
      if (target !== undefined) this.#failures.set(target.name, { kind, left: times });
    }
    this.stream.isClosed = true;
    this.shard = this.own();
  }

  /** A new owner, from what the lease says. */
  own(onPoison = this.#onPoison): OwnedShard {
    const { lanes, maxBatchRecords, checkpoints } = this.#case;
    this.#given = new Set();
    this.#threw = new Set();
    this.#stoppedAt = Number.POSITIVE_INFINITY;
    this.#declared = new Set(this.order.slice(0, this.#countThrough(this.#leasedAt)).map(({ name }) => name));
    this.#begunAt = this.#countThrough(this.#leasedAt);
    const shard = ownShard(
      { process: (given, context) => this.#process(given, context), flush: async () => this.#flush() },
      {
        checkpoints,
        maxBatchRecords,
        concurrencyPerShard: lanes,
        onPoison,
        retries: { attempts: 3, firstMs: 10, mostMs: 40 },
      },
      {
        lease: sampleLease(),
        clock: this.clock,
        stream: this.stream,
        budget: this.budget,
        from: this.#leasedAt,
        random: this.#chance,
        checkpointNow: async () => {
          this.publish();
          return 'written';
        },
        emit: (event) => {
          this.events.push(event);
          if (event.kind === 'record-skipped') this.#isDone(nameOfEvent(event));
          if (event.kind === 'shard-stopped') {
            const place = this.order.findIndex(({ name }) => name === nameOfEvent(event));
            this.#stoppedAt = Math.min(this.#stoppedAt, place);
          }
        },
      },
    );
    this.shard = shard;
    this.#kept = [];
    this.reopenChain();
    return shard;
  }

  /** The shadow is gone and another is asked for. */
  reopenChain(): void {
    const { owner } = this.shard;
    owner.closeChain();
    this.#chainFrom = owner.openChain('w') ? (owner.mark?.sequenceNumber ?? null) : null;
  }

  /** A call that has ended asks for a checkpoint, perhaps long after. */
  async declareLate(): Promise<void> {
    const kept = this.#kept[Math.floor(this.#chance() * this.#kept.length)];
    if (kept === undefined) return;
    this.#declareThrough(kept.given);
    await kept.checkpoint();
  }

  /** Other settings from outside, taken over whenever the owner comes to it. */
  tune(chosen: number): void {
    const settings = {
      concurrencyPerShard: 1 + (chosen % 6),
      maxBatchRecords: 1 + (chosen % 8),
      maxBufferBytes: 10 * (chosen + 1),
    };
    this.#mostBatch = Math.max(this.#mostBatch, settings.maxBatchRecords);
    this.shard.owner.tune(settings);
  }

  /** What the interval does. */
  publish(): void {
    this.check();
    this.#leasedAt = this.shard.owner.published;
  }

  /** The position contains nothing that is not processed, and with manual checkpoints nothing that was not declared; the mark is the chain's point at it. */
  check(): void {
    const through = this.#countThrough(this.shard.owner.published);
    for (const { name } of this.order.slice(0, through)) {
      if (!this.done.has(name)) this.#wrong(`published through ${name}, which is not processed`);
      if (this.#case.checkpoints === 'manual' && !this.#declared.has(name)) this.#wrong(`published ${name} undeclared`);
    }
    const { mark } = this.shard.owner;
    if (mark === null || this.#chainFrom === null) return;
    const from = this.#chainFrom;
    const chain = new DigestChain(from, testHash);
    for (const record of this.stream.records) {
      const isAfter = compareCheckpoints(record.sequenceNumber, from) > 0;
      if (isAfter && compareCheckpoints(record.sequenceNumber, mark.sequenceNumber) <= 0) chain.add(record);
    }
    const right = chain.mark();
    if (mark.count !== right.count || mark.digest !== right.digest || mark.sequenceNumber !== right.sequenceNumber)
      this.#wrong(`the mark at ${mark.sequenceNumber} counts ${mark.count}, not ${right.count}`);
  }

  async drain(): Promise<void> {
    this.shard.owner.pause();
    for (let i = 0; this.shard.owner.dispatch !== 'drained' && !this.shard.owner.isCutOff; i += 1) {
      if (i > 1000) throw new Error('never drained');
      await this.clock.advance(5);
    }
    this.check();
    this.publish();
  }

  /** What was dispatched by this owner and lies beyond its position. */
  beyond(): string[] {
    const through = this.#countThrough(this.shard.owner.published);
    return this.order.slice(through).flatMap(({ name }) => (this.#given.has(name) && this.done.has(name) ? [name] : []));
  }

  async stop(): Promise<void> {
    const stopping = this.shard.owner.stop();
    await this.clock.advance(1000);
    await stopping;
    expect(this.violations).toEqual([]);
  }

  async #process(given: readonly StreamRecord[], context: ProcessorContext): Promise<void> {
    if (given.length === 0) this.#wrong('a call without records');
    if (given.length > Math.max(this.#case.maxBatchRecords, this.#mostBatch)) this.#wrong(`a call with ${given.length} records`);
    const keys = new Set(given.map((record) => record.partitionKey));
    for (const other of this.#inFlight) {
      if (context.lanes === 1) this.#wrong('two calls at a time in one lane');
      if (other.some((record) => keys.has(record.partitionKey))) this.#wrong('two calls at a time with one key');
    }
    this.#checkOrder(given);
    const own = [...given];
    this.#inFlight.push(own);
    try {
      await this.clock.sleep(Math.floor(this.#chance() * this.#case.slowness));
      this.#maybeFail(given);
      // Declared at the end, when all is done: the names must count before the position may contain them.
      if (this.#chance() < 0.3) {
        for (const record of given) this.#isDone(nameOf(record));
        this.#declareThrough(given);
        await context.checkpoint();
      }
    } catch (error) {
      for (const record of given) this.#threw.add(nameOf(record));
      throw error;
    } finally {
      this.#inFlight = this.#inFlight.filter((each) => each !== own);
    }
    this.#kept.push({ checkpoint: context.checkpoint, given });
    for (const record of given) {
      this.#isDone(nameOf(record));
      this.returned.set(nameOf(record), (this.returned.get(nameOf(record)) ?? 0) + 1);
    }
  }

  #checkOrder(given: readonly StreamRecord[]): void {
    const names = given.map(nameOf);
    const from = names[0] ?? '';
    const places = names.map((name) => this.order.findIndex((each) => each.name === name));
    if (places.some((place, i) => i > 0 && place <= (places[i - 1] ?? 0))) this.#wrong(`out of order within a call: ${names}`);
    if (places.some((place) => place < this.#begunAt)) this.#wrong(`given again after its checkpoint: ${names}`);
    if (places.some((place) => place > this.#stoppedAt)) this.#wrong(`given behind the poison record: ${names}`);
    const inCall = new Set(names);
    for (const [i, place] of places.entries()) {
      const { name = '', key = '' } = this.order[place] ?? {};
      if (this.#given.has(name) && !this.#threw.has(name)) this.#wrong(`${name} given twice, though no call with it threw`);
      const skippedOver = this.order
        .slice(this.#begunAt, place)
        .find((each) => each.key === key && !this.done.has(each.name) && !inCall.has(each.name));
      if (skippedOver !== undefined) this.#wrong(`${name} before ${skippedOver.name} of the same key (call of ${from}, ${i})`);
      this.#given.add(name);
    }
  }

  #maybeFail(given: readonly StreamRecord[]): void {
    for (const [i, record] of given.entries()) {
      const failure = this.#failures.get(nameOf(record));
      if (failure === undefined || failure.left === 0) continue;
      failure.left -= 1;
      const isNamed = failure.kind.startsWith('named');
      if (isNamed) for (const before of given.slice(0, i)) this.#isDone(nameOf(before));
      if (failure.kind === 'poison') throw new PoisonError('poison');
      const cause = failure.kind.endsWith('transient') ? new TransientError('away') : new Error('fails');
      throw isNamed ? new RecordFailure(record, cause) : cause;
    }
  }

  /** A call declares what is processed through its own last record, and nothing after that. */
  #declareThrough(given: readonly StreamRecord[]): void {
    const last = this.order.findIndex(({ name }) => name === nameOf(given.at(-1) ?? rawRecord(0, '')));
    for (const { name } of this.order.slice(0, last + 1)) if (this.done.has(name)) this.#declared.add(name);
  }

  #flush(): void {
    if (this.#inFlight.length > 0) this.#wrong('flushed while a call is in flight');
    for (const name of this.#given) if (this.done.has(name)) this.#declared.add(name);
  }

  /** Kept, since a processor's own error would only be one more failed call. */
  #wrong(what: string): void {
    this.violations.push(what);
  }

  #isDone(name: string): void {
    this.done.add(name);
  }

  /** How many user records lie at or before a position. */
  #countThrough({ checkpoint, subSequenceNumber }: ShardPosition): number {
    if (checkpoint === 'TRIM_HORIZON') return 0;
    return (
      this.order.findLastIndex(
        ({ position }) =>
          position.checkpoint < checkpoint ||
          (position.checkpoint === checkpoint &&
            (subSequenceNumber === undefined ||
              (position.subSequenceNumber !== undefined && position.subSequenceNumber <= subSequenceNumber))),
      ) + 1
    );
  }
}

const nameOfEvent = ({ sequenceNumber, subSequenceNumber }: { sequenceNumber: string; subSequenceNumber: number | null }) =>
  subSequenceNumber === null ? sequenceNumber : `${sequenceNumber}.${subSequenceNumber}`;

const act = async (trial: Trial, action: { kind: string; ms: number }): Promise<void> => {
  if (action.kind !== 'run') await trial.clock.advance(action.ms);
  if (action.kind === 'run') await trial.clock.advance(action.ms);
  if (action.kind === 'checkpoint') trial.publish();
  if (action.kind === 'pause') {
    await trial.drain();
    await trial.clock.advance(action.ms);
    trial.shard.owner.resume(trial.shard.owner.epoch + 1);
  }
  if (action.kind === 'blink') {
    trial.shard.owner.pause();
    trial.shard.owner.resume(trial.shard.owner.epoch + 1);
  }
  if (action.kind === 'late checkpoint') await trial.declareLate();
  if (action.kind === 'new chain') trial.reopenChain();
  if (action.kind === 'tune') trial.tune(action.ms);
  if (action.kind === 'hand over') {
    await trial.drain();
    await trial.stop();
    trial.own();
  }
  if (action.kind === 'kill') {
    await trial.stop();
    trial.own();
  }
  trial.check();
};

const finish = async (trial: Trial): Promise<void> => {
  for (let i = 0; !trial.shard.ended(); i += 1) {
    if (i > 2000) throw new Error('never came to the end');
    await trial.clock.advance(50);
  }
};

describe('ShardOwner, for every case', () => {
  it('never loses a record, never breaks the order of a key, and never publishes more than is processed', async () => {
    await fc.assert(
      fc.asyncProperty(caseArb, async (test) => {
        const trial = new Trial(test);
        for (const action of test.actions) await act(trial, action);
        await finish(trial);
        trial.check();
        expect(trial.order.filter(({ name }) => !trial.done.has(name))).toEqual([]);
        expect(trial.shard.owner.position).toBe(trial.stream.records.at(-1)?.sequenceNumber);
        expect(trial.shard.owner.published.subSequenceNumber).toBeUndefined();
        expect(trial.budget.bytes).toBe(0);
        expect(trial.shard.owner.queuedRecords).toBe(0);
        await trial.stop();
      }),
      { numRuns: 600 },
    );
  });

  it('never has a record processed twice, over pauses and handovers, where no call fails and no worker dies', async () => {
    await fc.assert(
      fc.asyncProperty(caseArb, async (test) => {
        const trial = new Trial({ ...test, failures: [] });
        for (const action of test.actions) {
          if (action.kind === 'kill') continue;
          await act(trial, action);
          if (trial.shard.owner.dispatch === 'drained') expect(trial.beyond()).toEqual([]);
        }
        await finish(trial);
        expect(trial.order.map(({ name }) => trial.returned.get(name))).toEqual(trial.order.map(() => 1));
        expect(trial.events).toEqual([]);
        await trial.stop();
      }),
      { numRuns: 400 },
    );
  });

  it('never has a record processed twice by two owners, in however many lanes, whatever fails, while handovers only move it', async () => {
    await fc.assert(
      fc.asyncProperty(caseArb, async (test) => {
        const trial = new Trial(test);
        for (const action of test.actions) {
          if (action.kind === 'kill') continue;
          await act(trial, action);
          if (trial.shard.owner.dispatch === 'drained') expect(trial.beyond()).toEqual([]);
        }
        await finish(trial);
        const skipped = new Set(trial.events.flatMap((event) => (event.kind === 'record-skipped' ? [nameOfEvent(event)] : [])));
        for (const { name } of trial.order) {
          // A call that named a later record as failed has processed it without returning.
          expect(trial.returned.get(name) ?? 0).toBeLessThanOrEqual(1);
          expect(trial.done.has(name) || skipped.has(name)).toBe(true);
        }
        await trial.stop();
      }),
      { numRuns: 400 },
    );
  });

  it('stops exactly before a poison record, in every lane, and the next owner goes on there', async () => {
    await fc.assert(
      fc.asyncProperty(caseArb, async (test) => {
        const trial = new Trial(
          {
            ...test,
            failures: test.failures.map((each) => ({ ...each, times: 1000, kind: each.kind === 'poison' ? 'poison' : 'plain' })),
          },
          'stop',
        );
        for (let i = 0; !trial.shard.ended() && i < 100; i += 1) await trial.clock.advance(50);
        const stopped = trial.events.flatMap((event) => (event.kind === 'shard-stopped' ? [nameOfEvent(event)] : []));
        if (trial.shard.ended()) expect(stopped).toEqual([]);
        else {
          await trial.drain();
          const first = trial.order.findIndex(({ name }) => stopped.includes(name));
          const before = trial.order[first - 1]?.position ?? { checkpoint: 'TRIM_HORIZON' };
          expect(trial.shard.owner.published).toEqual(before);
        }
        await trial.stop();
        trial.own('skip');
        await finish(trial);
        expect(trial.order.filter(({ name }) => !trial.done.has(name))).toEqual([]);
        await trial.stop();
      }),
      { numRuns: 400 },
    );
  });
});
