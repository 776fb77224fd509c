// test: the explored world: one lease item, one shard of a few records with an end, workers, a controller, writes on their way.
// in: a scenario · out: its first world
// Time is not a number here: whatever may have become late may become late at any step, so that every drift of clocks is among the runs.

import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import type { Lease, Mark } from '../../../lib/model/lease.ts';
import { isSequenceNumber } from '../../../lib/model/sequence-number.ts';

export type WorkerId = 'A' | 'B' | 'C' | 'D';

/** What may go wrong, and what may be asked for, at any step; each so often in one run. */
export const budgetKinds = ['crash', 'lapse', 'message', 'kill', 'flaw', 'stop', 'begin', 'mark'] as const;
export type BudgetKind = (typeof budgetKinds)[number];
/** `faults` bounds crash, lapse, message, kill and flaw together. */
export type Budget = Readonly<Record<BudgetKind | 'faults', number>>;
export const faultKinds: ReadonlySet<BudgetKind> = new Set(['crash', 'lapse', 'message', 'kill', 'flaw']);

/** What one exploration covers. */
export interface Scenario {
  readonly name: string;
  /** Records in the shard, all of which may be read from the beginning. */
  readonly records: number;
  /** The shard is closed after them; its child waits for the end. */
  readonly ends: boolean;
  readonly driver: 'machine' | 'target';
  readonly workers: readonly WorkerId[];
  readonly budget: Partial<Budget>;
  /** A worker that found an owner expired may take over at any later moment, whatever has happened since. */
  readonly slowTakeovers?: boolean;
  /** A shadow that is gone may be asked for again, for the next handover. */
  readonly again?: boolean;
}

/** What a worker holds of a shard that it owns, or believes to own. */
export interface Owned {
  readonly epoch: number;
  readonly paused: boolean;
  readonly inFlight: boolean;
  /** Records through it are processed. */
  readonly position: number;
  /** Processed to its end: the end is to be written. */
  readonly toEnd: boolean;
  /** A digest chain is open. */
  readonly chain: boolean;
}

/** A standby shadow: read through `tip`; from `flawedAt` on its copy differs (0: nowhere). */
export interface Shadowing {
  readonly tip: number;
  readonly flawedAt: number;
}

export interface Party {
  readonly life: 'up' | 'stalled' | 'dead' | 'gone';
  /** `lapsed`: its heartbeats do not arrive, and it knows by its own clock. `unconfirmed`: they arrive again, its leases have not been looked at since. */
  readonly right: 'held' | 'lapsed' | 'unconfirmed';
  /** The lease as it last read it; null where it had nothing to do with it. */
  readonly seen: Lease | null;
  readonly owned: Owned | null;
  readonly shadow: Shadowing | null;
  /** The callback that it has answered. */
  readonly told: string | null;
  /** It found this lease's owner expired and is about to take it over. */
  readonly taking: Lease | null;
  readonly stopping: 'no' | 'asked' | 'handing-over' | 'leaving' | 'checkpointed' | 'refused';
}

/** The Step Functions execution; `none` where the target drives. */
export interface Controller {
  readonly state: string;
  /** The state's write has been made, its callback is awaited. */
  readonly waiting: boolean;
  readonly answered: boolean;
}
export const finalStates: ReadonlySet<string> = new Set(['none', 'done', 'abandoned', 'killed']);

/** Writes that were sent and have not arrived: their senders have given them up, or they arrive a second time. */
export interface Surroundings {
  readonly onTheWay: readonly LeaseWrite[];
  readonly child: 'none' | 'pending' | 'active' | 'processed';
}

export const digestAt = (position: number, isFlawed: boolean): string =>
  (isFlawed ? 'f' : '') + position.toString(16).padStart(isFlawed ? 15 : 16, '0');
/** The digest chain's point after so many records. */
export const markAt = (position: number, isFlawed = false): Mark => ({
  sequenceNumber: String(position),
  count: position,
  digest: digestAt(position, isFlawed),
});
export const positionOf = (lease: Lease, records: number): number =>
  isSequenceNumber(lease.checkpoint) ? Number(lease.checkpoint) : records;

const group = { application: 'app', streamName: 's' };
const range = { startingHashKey: 0n, endingHashKey: 9n };

export const firstLease: Lease = {
  ...group,
  shardId: 'shard',
  hashKeyRange: range,
  parents: [],
  owner: 'A',
  epoch: 1,
  state: 'active',
  checkpoint: '0',
  mark: markAt(0),
  replicationFactor: 2,
  shadow: { workerId: 'B', state: 'tracking', purpose: 'handover', requestedAtMs: 0, from: '0', verifiedThrough: markAt(0) },
  createdAtMs: 0,
};

/** The child's lease, of a worker that never fails. */
export const childLease: Lease = {
  ...group,
  shardId: 'child',
  hashKeyRange: range,
  parents: ['shard'],
  owner: 'X',
  epoch: 2,
  state: 'pending',
  checkpoint: 'TRIM_HORIZON',
  replicationFactor: 1,
  createdAtMs: 0,
};

const bystander: Party = {
  life: 'up',
  right: 'held',
  seen: null,
  owned: null,
  shadow: null,
  told: null,
  taking: null,
  stopping: 'no',
};
/** Nothing of a worker that is gone matters any more: all such states are one. */
export const deadParty: Party = { ...bystander, life: 'dead', right: 'lapsed' };
export const goneParty: Party = { ...deadParty, life: 'gone' };
export const restarted = bystander;

const newOwned = { paused: false, inFlight: false, toEnd: false };
export const ownedFrom = (epoch: number, position: number): Owned => ({ ...newOwned, epoch, position, chain: false });

export interface World {
  readonly lease: Lease;
  readonly controller: Controller;
  readonly surroundings: Surroundings;
  readonly parties: readonly Party[];
}

/** A owns the shard and has dispatched nothing; B keeps a proved shadow of it; the others are idle. */
export const firstWorld = (scenario: Scenario): World => ({
  lease: firstLease,
  controller: { state: scenario.driver === 'machine' ? 'preparing' : 'none', waiting: false, answered: false },
  surroundings: { onTheWay: [], child: scenario.ends ? 'pending' : 'none' },
  parties: scenario.workers.map((id) => {
    if (id === 'A') return { ...bystander, seen: firstLease, owned: { ...newOwned, epoch: 1, position: 0, chain: true } };
    return id === 'B' ? { ...bystander, seen: firstLease, shadow: { tip: 0, flawedAt: 0 } } : bystander;
  }),
});
