// lib/handover: a handover without the machine: the target does what Step Functions would do, by the same writes.
// in: the lease item as just read, and what the target knows of itself · out: effects, never run here
// The target drives, never the source: whoever is to own the shard next is the one whose death ends the handover. A dead target leaves the source as the owner,
// which takes back by itself, or itself as a dead owner, which is taken over; a dead source is taken over, or was to retire only.
import type { HandoverInput, HandoverPhase } from '../model/handover.ts';
import type { Lease } from '../model/lease.ts';
import { bind } from './apply-write.ts';
import { agree, type Effect } from './decide.ts';
import { type Change, type LeaseWrite, type Operand, set, value } from './lease-write.ts';
import { type MachineWriteName, machineWrites } from './machine-writes.ts';

/** How long the target waits in each phase before it gives up or goes on, on its own clock. */
export const DRIVER_WAITS_MS = { preparing: 15_000, pausing: 3_000, activated: 5_000 } as const;
const PAUSE_BUDGET_MS = 2_500;
/** A phase that lasts for longer than this has been left by the machine, whose longest wait in it is shorter: the target goes on in its place. */
const MACHINE_LEFT_AFTER_MS = {
  preparing: 70_000,
  pausing: 5_000,
  redirected: 5_000,
  verified: 5_000,
  activating: 10_000,
  activated: 20_000,
  released: 20_000,
} as const satisfies Record<HandoverPhase, number>;

/** Goes with each step on: who has gone on once in the machine's place does not wait for it again. */
const DRIVEN_FROM_NOW_ON = set('handover.driver', value('target'));

const withoutToken = (change: Change): Change[] => {
  if (change.op !== 'set') return [change];
  if ('input' in change.to && change.to.input === 'taskToken') return [];
  if (!('map' in change.to)) return [change];
  const { taskToken: _, ...map } = change.to.map as Record<string, Operand>;
  return [{ ...change, to: { map: { ...map, driver: value('target') } } }];
};

/** The machine's write with no callback to answer. */
export const drivenWrite = (
  name: MachineWriteName,
  input: Pick<HandoverInput, 'handoverId' | 'source' | 'target' | 'epoch' | 'requestedAtMs'>,
): LeaseWrite => {
  const write: LeaseWrite = machineWrites[name];
  return bind({ ...write, changes: write.changes.flatMap(withoutToken) }, { ...input, pauseBudgetMs: PAUSE_BUDGET_MS });
};

/** The target as the driver. */
export interface DriverState {
  readonly workerId: string;
  /** The shadow's chain is verified and close to the tip. */
  readonly caughtUp: boolean;
  /** How long the lease has been in this phase, as seen here. */
  readonly phaseForMs: number;
}

/** What the target does next as the driver of its handover. */
export const decideDriver = (lease: Lease, self: DriverState): Effect[] => {
  const handover = lease.handover;
  if (handover?.target !== self.workerId) return [];
  if (handover.driver !== 'target' && self.phaseForMs <= MACHINE_LEFT_AFTER_MS[handover.phase]) return [];
  const { id: handoverId, source, target, epoch, requestedAtMs, drained, proof } = handover;
  const isSame = drained !== undefined && proof !== undefined && agree(drained, proof);
  const write = (name: MachineWriteName): Effect[] => {
    const driven = drivenWrite(name, { handoverId, source, target, epoch, requestedAtMs });
    const changes = driven.changes.some(({ path }) => path === 'handover.phase')
      ? [...driven.changes, DRIVEN_FROM_NOW_ON]
      : driven.changes;
    return [{ kind: 'write', write: { ...driven, changes } }];
  };
  switch (handover.phase) {
    case 'preparing':
      if (handover.armed && self.caughtUp) return [{ kind: 'catch-up', through: null }, ...write('pause')];
      return self.phaseForMs > DRIVER_WAITS_MS.preparing ? write('abandon') : [];
    case 'pausing':
      if (drained !== undefined && proof !== undefined) return write(isSame ? 'redirect' : 'abandon');
      return self.phaseForMs > DRIVER_WAITS_MS.pausing ? write('abandon') : [];
    case 'redirected':
      return write(isSame ? 'verify' : 'restore');
    case 'verified':
      return write('allowActivation');
    case 'activating':
      return [];
    case 'activated':
      return self.phaseForMs > DRIVER_WAITS_MS.activated ? write('resume') : [];
    case 'released':
      return write('resume');
  }
};
