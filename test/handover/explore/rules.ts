// test: what the explored world runs: the code that runs in production, each part replaceable by a broken one.
// in: nothing · out: the sound rules
import { requestShadow } from '../../../lib/handover/control-writes.ts';
import { decideRetired, decideSource, decideTarget } from '../../../lib/handover/decide.ts';
import { decideDriver } from '../../../lib/handover/decide-driver.ts';
import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import { parentsEnded } from '../../../lib/handover/lineage.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { type Party, positionOf, type WorkerId } from './world.ts';

export interface Rules {
  /** Every conditional write on its way to the item, whoever makes it. */
  readonly sent: (write: LeaseWrite) => LeaseWrite;
  readonly decideSource: typeof decideSource;
  readonly decideTarget: typeof decideTarget;
  readonly decideRetired: typeof decideRetired;
  readonly decideDriver: typeof decideDriver;
  readonly parentsEnded: typeof parentsEnded;
  readonly requestShadow: typeof requestShadow;
  /** Whether others find that a worker's heartbeat stands still. */
  readonly isExpired: (party: Party) => boolean;
  /** What a worker is after a lapse once its heartbeats arrive again. */
  readonly rightAfterBeats: Party['right'];
  /** What a worker must have done after a lapse before it dispatches again: read the table; taken anew what it runs; taken anew what names it as the owner. */
  readonly regainsBy: 'reading' | 'renewing-what-runs' | 'renewing-what-is-its-own';
  /** The id of a handover that a target begins. */
  readonly handoverId: (lease: Lease, attempt: number) => string;
  /** Whether the write that gives a lease away carries the last checkpoint. */
  readonly leavesWithCheckpoint: boolean;
  /** Where an owner begins that takes a lease up. */
  readonly beginsAt: (lease: Lease, records: number, shadowTip: number | null) => number;
  /** Whether an owner that has processed the last record of a closed shard writes its end. */
  readonly writesEnd: boolean;
  /** Whether a lease that names a worker which does not run it is taken by it under a new epoch first. */
  readonly adoptsByWriting: boolean;
  readonly mayDispatch: (party: Party, id: WorkerId) => boolean;
}

/** Production's own. */
export const soundRules: Rules = {
  sent: (write) => write,
  decideSource,
  decideTarget,
  decideRetired,
  decideDriver,
  parentsEnded,
  requestShadow,
  isExpired: (party) => party.life !== 'up' || party.right === 'lapsed',
  rightAfterBeats: 'unconfirmed',
  regainsBy: 'renewing-what-is-its-own',
  handoverId: (lease, attempt) => `pull-${lease.epoch}-${attempt}`,
  leavesWithCheckpoint: true,
  beginsAt: positionOf,
  writesEnd: true,
  adoptsByWriting: true,
  mayDispatch: (party) => party.right === 'held',
};
