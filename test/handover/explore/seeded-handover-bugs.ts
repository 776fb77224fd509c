// test: bugs in how a shard is handed over, each of which the explorer must find.
// in: nothing · out: a table of bugs, the smallest scenario that shows each, and what is wrong then
import type { Effect } from '../../../lib/handover/decide.ts';
import { redirectVerifyActivate } from '../../../lib/handover/worker-writes.ts';
import {
  AGAIN,
  AGAIN_OR_TWO,
  all,
  changedWrite,
  machine,
  on,
  type SeededBug,
  target,
  unchanged,
  unconditioned,
} from './seeded-bug.ts';

const ANY_MARK = { sequenceNumber: '0', count: 0, digest: '0'.repeat(16) };

/** The table. */
export const handoverBugs: readonly SeededBug[] = [
  {
    name: 'drains while a record is in flight',
    break: (sound) => ({
      ...sound,
      decideSource: (lease, self, nowMs) =>
        sound.decideSource(lease, { ...self, dispatch: self.dispatch === 'pausing' ? 'drained' : self.dispatch }, nowMs),
    }),
    scenario: machine,
    finds: AGAIN,
  },
  {
    name: 'drains, and so verifies, at the sequence number of its last mark instead of where it stands',
    break: (sound) => ({
      ...sound,
      decideSource: (lease, self, nowMs) =>
        sound.decideSource(
          lease,
          lease.mark === undefined
            ? self
            : { ...self, position: lease.mark, published: { checkpoint: lease.mark.sequenceNumber } },
          nowMs,
        ),
    }),
    scenario: machine,
    finds: AGAIN,
  },
  {
    name: 'verifies that there is a proof without comparing it',
    break: changedWrite('verify', (write) => ({
      ...write,
      conditions: write.conditions.filter((condition) => condition.path !== 'handover.drained'),
    })),
    scenario: { ...machine, budget: { flaw: 1 } },
    finds: /digests differ/,
  },
  {
    name: 'activates before the proof is compared',
    break: (sound) => ({
      ...sound,
      decideTarget: (lease, self, nowMs) =>
        lease.owner === self.workerId && lease.handover?.phase === 'redirected' && !self.dispatching
          ? [{ kind: 'take-up', epoch: lease.epoch }]
          : sound.decideTarget(lease, self, nowMs),
    }),
    scenario: { ...machine, budget: { flaw: 1 } },
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'activates before the source is drained',
    break: (sound) => ({
      ...sound,
      decideDriver: (lease, self) =>
        lease.handover?.phase === 'pausing' && lease.handover.target === self.workerId
          ? sound.decideDriver({ ...lease, handover: { ...lease.handover, drained: ANY_MARK, proof: ANY_MARK } }, self)
          : sound.decideDriver(lease, self),
      sent: (write) => ({
        ...write,
        conditions: write.conditions.filter(({ path }) => path !== 'handover.drained' && path !== 'handover.proof'),
      }),
    }),
    scenario: target,
    finds: /drained and proved|comes again/,
  },
  {
    name: 'redirects what is not drained any more, on an answer from before the source took it back',
    break: unconditioned('redirect', on('handover.drained')),
    scenario: { ...machine, budget: { message: 1, kill: 1 } },
    finds: AGAIN_OR_TWO,
    maxStates: 2_000_000,
  },
  {
    name: 'restores after the activation',
    break: unconditioned('restore', on('handover.phase')),
    scenario: machine,
    finds: /restore after the activation/,
  },
  {
    name: 'takes back after the redirect',
    break: (sound) => ({
      ...sound,
      decideSource: (lease, self, nowMs): Effect[] =>
        lease.handover?.source === self.workerId && lease.owner !== self.workerId && self.pausedForMs > 0
          ? [{ kind: 'resume', epoch: self.epoch }]
          : sound.decideSource(lease, self, nowMs),
    }),
    scenario: machine,
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'dispatches on after its deadline without asking the lease',
    break: (sound) => ({
      ...sound,
      decideSource: (lease, self, nowMs) =>
        self.pausedForMs > 0 ? [{ kind: 'resume', epoch: self.epoch }] : sound.decideSource(lease, self, nowMs),
    }),
    scenario: machine,
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'activates whatever the handover and its phase',
    break: unconditioned('activate', all),
    scenario: { ...machine, budget: { message: 1 } },
    finds: /activated before|activated though|comes again|later one|one epoch|stuck/,
  },
  {
    name: 'redirects and activates by one write though the source has taken the shard back',
    break: unconditioned('redirectVerifyActivate', on('handover.id', 'handover.phase', 'handover.drained')),
    scenario: { ...target, budget: { begin: 1, message: 1 } },
    finds: /drained and proved|comes again|later one|one epoch/,
  },
  {
    name: 'redirects and activates by one write a copy that differs',
    break: (sound) => ({
      ...changedWrite('redirectVerifyActivate', (write) => ({
        ...write,
        conditions: write.conditions.filter(({ path }) => path !== 'handover.drained'),
      }))(sound),
      decideTarget: (lease, self, nowMs) => {
        const { handover } = lease;
        const drained = handover?.drained;
        const own = drained === undefined ? null : self.markAt(drained.sequenceNumber);
        return handover?.phase === 'pausing' && drained !== undefined && own !== null && handover.target === self.workerId
          ? [{ kind: 'write', write: redirectVerifyActivate(handover, own, nowMs) }]
          : sound.decideTarget(lease, self, nowMs);
      },
    }),
    scenario: { ...target, budget: { begin: 1, flaw: 1 } },
    finds: /digests differ/,
  },
  {
    name: 'forgets the end of the shard',
    break: (sound) => ({ ...sound, writesEnd: false }),
    scenario: { ...target, ends: true },
    finds: /stuck/,
  },
  {
    name: 'leaves the handover of a shard that has ended',
    break: unchanged('endShard', 'handover'),
    scenario: { ...machine, ends: true },
    finds: /handover of an ended shard/,
  },
  {
    name: 'dispatches a child before its parent has ended',
    break: (sound) => ({ ...sound, parentsEnded: () => true }),
    scenario: { ...target, ends: true },
    finds: /child is processed before its parent/,
  },
];

/** What looks like a bug and is none: another condition holds the same, so that each of these is a second lock on one door. */
export const secondLocks: readonly Omit<SeededBug, 'finds'>[] = [
  {
    name: 'redirects whatever the epoch: a take-over has cleared the handover',
    break: unconditioned('redirect', on('epoch')),
    scenario: { ...machine, records: 1, budget: { crash: 1, message: 1, kill: 1, faults: 1 } },
  },
  {
    name: 'redirects by one write whatever the epoch: a take-over has cleared the handover',
    break: unconditioned('redirectVerifyActivate', on('epoch')),
    scenario: { ...target, budget: { begin: 1, crash: 1, message: 1 } },
  },
  {
    name: 'pauses a source that is not armed: it finds out at its next look',
    break: (sound) => ({
      ...sound,
      decideDriver: (lease, self) =>
        sound.decideDriver(
          lease.handover === undefined ? lease : { ...lease, handover: { ...lease.handover, armed: true } },
          self,
        ),
    }),
    scenario: { ...target, budget: { begin: 1, message: 1 } },
  },
];
