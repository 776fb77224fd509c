// Random histories of a stream: splits, merges, expiries, many generations between two looks, workers that look late or stop half-way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startCheckpoint } from '../../lib/consumer/start-position.ts';
import { missingLeases, parentsEnded, retiredLeases } from '../../lib/handover/lineage.ts';
import { type HashKeyRange, slicesOf, WHOLE_RANGE, widthOf } from '../../lib/model/hash-key-range.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Shard } from '../../lib/model/shard.ts';

/** Longer than clocks may differ. */
const STEP_MS = 100_000;
const group = { application: 'app', streamName: 's' };

interface TrueShard extends Shard {
  /** Records by the moment at which each was put. */
  readonly records: number[];
  readonly openedAt: number;
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('split' as const, 'merge' as const), at: fc.nat(1000) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), at: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const), at: fc.nat(1000) }) },
  // A look that stops after so many writes.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const), at: fc.constantFrom(0, 1, 2, 3, 1000) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('read' as const), at: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retire' as const), at: fc.constant(0) }) },
);
const history = fc.record({
  shards: fc.integer({ min: 1, max: 4 }),
  before: fc.array(step, { maxLength: 40 }),
  steps: fc.array(step, { maxLength: 120 }),
  start: fc.constantFrom('TRIM_HORIZON' as const, 'LATEST' as const),
});

/** The first look died after one lease; that shard expired and was retired before the next look. */
const diedInFirstLook: typeof history extends fc.Arbitrary<infer T> ? T : never = {
  shards: 1,
  before: [{ kind: 'split', at: 0 }],
  steps: [
    { kind: 'look', at: 1 },
    { kind: 'put', at: 0 },
    { kind: 'expire', at: 0 },
    { kind: 'read', at: 0 },
    { kind: 'retire', at: 0 },
  ],
  start: 'LATEST',
};

/** A stream, its leases, and a reader that follows the rules: a lease begins when its parents have ended, and reads its shard to the end. */
class History {
  now = 0;
  shards: TrueShard[] = [];
  readonly gone: TrueShard[] = [];
  readonly leases = new Map<string, Lease>();
  /** What was read, in order, by shard. */
  readonly read: { shardId: string; record: number }[] = [];
  readonly begunAfter: { child: string; unended: string[] }[] = [];
  readonly lostByExpiry = new Set<number>();
  firstLookAt: number | null = null;
  #ids = 0;
  readonly #start: 'TRIM_HORIZON' | 'LATEST';

  constructor(count: number, start: 'TRIM_HORIZON' | 'LATEST') {
    this.#start = start;
    for (const range of slicesOf(WHOLE_RANGE, count)) this.#open(range, []);
  }

  #open(hashKeyRange: HashKeyRange, parents: string[]): void {
    const shardId = `shardId-${String(this.#ids++).padStart(12, '0')}`;
    this.shards.push({ shardId, parents, hashKeyRange, closed: false, records: [], openedAt: this.now });
  }
  #close(...closed: TrueShard[]): void {
    this.shards = this.shards.map((each) => (closed.includes(each) ? { ...each, closed: true } : each));
  }

  apply({ kind, at }: { kind: 'split' | 'merge' | 'put' | 'expire' | 'look' | 'read' | 'retire'; at: number }): void {
    this.now += STEP_MS;
    const open = this.shards.filter((each) => !each.closed);
    const chosen = open[at % open.length]!;
    switch (kind) {
      case 'split': {
        if (widthOf(chosen.hashKeyRange) < 4n) return;
        this.#close(chosen);
        for (const range of slicesOf(chosen.hashKeyRange, 2)) this.#open(range, [chosen.shardId]);
        return;
      }
      case 'merge': {
        const next = open.find((each) => each.hashKeyRange.startingHashKey === chosen.hashKeyRange.endingHashKey + 1n);
        if (next === undefined) return;
        this.#close(chosen, next);
        const range = {
          startingHashKey: chosen.hashKeyRange.startingHashKey,
          endingHashKey: next.hashKeyRange.endingHashKey,
        };
        this.#open(range, [chosen.shardId, next.shardId]);
        return;
      }
      case 'put':
        chosen.records.push(this.now);
        return;
      case 'expire':
        this.#expire();
        return;
      case 'look':
        this.look(at);
        return;
      case 'read':
        this.#readSome(at);
        return;
      case 'retire':
        for (const { shardId } of retiredLeases(this.shards, [...this.leases.values()])) this.leases.delete(shardId);
    }
  }

  /** The oldest closed shard is listed no more. */
  #expire(): void {
    const oldest = this.shards.find((each) => each.closed);
    if (oldest === undefined) return;
    this.shards = this.shards.filter((each) => each !== oldest);
    this.gone.push(oldest);
    const read = new Set(this.read.map(({ record }) => record));
    for (const record of oldest.records) if (!read.has(record)) this.lostByExpiry.add(record);
  }

  look(writes: number): void {
    if (writes > 0) this.firstLookAt ??= this.now;
    const existing = [...this.leases.values()];
    const start = startCheckpoint(this.#start, { describedAtMs: this.now }, existing, this.now);
    const missing = missingLeases(group, { shards: this.shards }, existing, start, this.now);
    for (const lease of missing.slice(0, writes)) {
      // Parents before children, at every prefix of the writes.
      for (const id of lease.parents) expect(this.leases.has(id), `${lease.shardId} before its parent ${id}`).toBe(true);
      expect(this.leases.has(lease.shardId)).toBe(false);
      this.leases.set(lease.shardId, lease);
    }
  }

  /** One lease that may be read is read on: a few records, then its end. */
  #readSome(at: number): void {
    const ready = [...this.leases.values()].filter(
      (lease) => lease.state === 'active' || (lease.state === 'pending' && parentsEnded(lease, this.leases)),
    );
    const lease = ready[at % Math.max(1, ready.length)];
    if (lease === undefined) return;
    if (lease.state === 'pending') {
      const unended = lease.parents.filter((id) => this.leases.get(id) !== undefined && this.leases.get(id)?.state !== 'ended');
      this.begunAfter.push({ child: lease.shardId, unended });
    }
    const shard = this.shards.find((each) => each.shardId === lease.shardId);
    const from = lease.checkpoint.startsWith('AT_TIMESTAMP:') ? Number(lease.checkpoint.slice(13)) : 0;
    const after = /^\d+$/.test(lease.checkpoint) ? Number(lease.checkpoint) : from - 1;
    const next = shard?.records.find((record) => record > after);
    if (next !== undefined) {
      this.read.push({ shardId: lease.shardId, record: next });
      this.leases.set(lease.shardId, { ...lease, state: 'active', checkpoint: String(next) });
      return;
    }
    // Gone before it was read to its end counts as ended, as the feed does it.
    const isEnded = shard === undefined || shard.closed;
    this.leases.set(lease.shardId, { ...lease, state: isEnded ? 'ended' : 'active' });
  }

  finish(): void {
    for (let i = 0; i < 2000; i += 1) {
      if (i % 50 === 0) this.look(1000);
      this.apply({ kind: 'read', at: i });
    }
  }

  get all(): TrueShard[] {
    return [...this.gone, ...this.shards];
  }
  /** Every ancestor of a shard. */
  ancestors(shardId: string): Set<string> {
    const found = new Set<string>();
    const add = (id: string) => {
      const shard = this.all.find((each) => each.shardId === id);
      for (const parent of shard?.parents ?? []) {
        found.add(parent);
        add(parent);
      }
    };
    add(shardId);
    return found;
  }
}

const play = ({ shards, before, steps, start }: typeof history extends fc.Arbitrary<infer T> ? T : never): History => {
  const it = new History(shards, start);
  for (const each of before) if (each.kind !== 'look') it.apply(each);
  for (const each of steps) it.apply(each);
  it.finish();
  return it;
};

describe('leases of random histories', () => {
  it('for every history give every listed shard a lease, and end every closed one', () => {
    fc.assert(
      fc.property(history, (given) => {
        const it = play(given);
        for (const { shardId, closed } of it.shards)
          expect(it.leases.get(shardId)).toMatchObject({ state: closed ? 'ended' : 'active' });
      }),
    );
  });

  it('for every history read every record once that is retained and newer than the start, and lose only what expired unread', () => {
    fc.assert(
      fc.property(history, (given) => {
        const it = play(given);
        const records = it.read.map(({ record }) => record);
        expect(new Set(records).size).toBe(records.length);
        const read = new Set(records);
        for (const shard of it.all)
          for (const record of shard.records) {
            const isAsked = given.start === 'TRIM_HORIZON' || record >= (it.firstLookAt ?? 0);
            if (isAsked && !it.lostByExpiry.has(record))
              expect(read.has(record), `record ${record} of ${shard.shardId}`).toBe(true);
          }
      }),
      { examples: [[diedInFirstLook]] },
    );
  });

  it('never read a record of a child before one of its ancestors', () => {
    fc.assert(
      fc.property(history, (given) => {
        const it = play(given);
        const lastOf = new Map(it.read.map(({ shardId }, i) => [shardId, i]));
        const firstOf = new Map([...it.read.entries()].reverse().map(([i, { shardId }]) => [shardId, i]));
        for (const [shardId, first] of firstOf)
          for (const ancestor of it.ancestors(shardId)) expect(lastOf.get(ancestor) ?? -1).toBeLessThan(first);
      }),
    );
  });

  it('never begin before their parents have ended, both of them for a merge', () => {
    fc.assert(
      fc.property(history, (given) => {
        const it = play(given);
        for (const { unended } of it.begunAfter) expect(unended).toEqual([]);
        for (const shard of it.shards) {
          const lease = it.leases.get(shard.shardId);
          const listed = new Set(it.shards.map(({ shardId }) => shardId));
          for (const id of shard.parents) if (listed.has(id)) expect(lease?.parents).toContain(id);
        }
      }),
    );
  });

  it('never wait for themselves: no lease is its own ancestor', () => {
    fc.assert(
      fc.property(history, (given) => {
        const it = play(given);
        for (const { shardId, parents } of it.leases.values())
          for (const id of parents) expect(Number(id.slice(8))).toBeLessThan(Number(shardId.slice(8)));
      }),
    );
  });
});
