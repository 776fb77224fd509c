// test: bugs that the explorer must find: each breaks one rule of the sound ones.
// in: nothing · out: a table of bugs, the smallest scenario that shows each, and what is wrong then
import type { Effect } from '../../../lib/handover/decide.ts';
import type { Condition, LeaseWrite } from '../../../lib/handover/lease-write.ts';
import type { Rules } from './rules.ts';
import type { Scenario } from './world.ts';

export interface SeededBug {
  readonly name: string;
  readonly break: (sound: Rules) => Rules;
  readonly scenario: Partial<Scenario>;
  readonly finds: RegExp;
  /** Where the bug makes the world endless. @default none worth a name */
  readonly maxStates?: number;
}

const target: Partial<Scenario> = { driver: 'target', budget: { begin: 1 } };
const machine: Partial<Scenario> = { driver: 'machine', budget: {} };

/** A write without some of its conditions. */
const unconditioned = (writeName: string, drops: (condition: Condition) => boolean) => (sound: Rules) =>
  changedWrite(writeName, (write) => ({ ...write, conditions: write.conditions.filter((condition) => !drops(condition)) }))(
    sound,
  );
/** A write without some of its changes. */
const unchanged =
  (writeName: string, ...paths: readonly string[]) =>
  (sound: Rules) =>
    changedWrite(writeName, (write) => ({ ...write, changes: write.changes.filter(({ path }) => !paths.includes(path)) }))(sound);
const changedWrite =
  (writeName: string, change: (write: LeaseWrite) => LeaseWrite) =>
  (sound: Rules): Rules => ({ ...sound, sent: (write) => sound.sent(write.name === writeName ? change(write) : write) });
const all = () => true;
const on =
  (...paths: readonly string[]) =>
  ({ path }: Condition) =>
    paths.includes(path);

const AGAIN = /comes again though its owner was not lost/;
const AGAIN_OR_TWO = /comes again|later one|one epoch/;

/** The table. */
export const seededBugs: readonly SeededBug[] = [
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
    scenario: { ...target, budget: { begin: 1, message: 1 } },
    finds: /activated before|activated though|comes again|later one|one epoch|stuck/,
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
  {
    name: 'dispatches on after a pause without a look at its leases',
    break: (sound) => ({ ...sound, rightAfterBeats: 'held' }),
    scenario: { ...target, budget: { lapse: 1 } },
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'has looked at its leases after a pause, and has not taken them anew',
    break: (sound) => ({ ...sound, regainsBy: 'reading' }),
    scenario: { ...target, budget: { lapse: 1 }, slowTakeovers: true },
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'takes anew after a pause only what it runs',
    break: (sound) => ({ ...sound, regainsBy: 'renewing-what-runs' }),
    scenario: { ...target, budget: { begin: 1, lapse: 1 }, slowTakeovers: true },
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'takes over while the owner may still act: clocks that drift by more than the lease time allows',
    break: (sound) => ({ ...sound, isExpired: () => true }),
    scenario: target,
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'dispatches though its right to act has lapsed',
    break: (sound) => ({ ...sound, mayDispatch: () => true }),
    scenario: { ...target, budget: { lapse: 1 } },
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'takes over without a new epoch',
    break: unchanged('takeOver', 'epoch'),
    scenario: { ...target, budget: { lapse: 1 } },
    finds: /one epoch|comes again/,
  },
  {
    name: 'keeps the handover at a take-over',
    break: unchanged('takeOver', 'handover'),
    scenario: { ...target, budget: { begin: 1, crash: 1 } },
    finds: /stuck|comes again|later one|one epoch/,
    maxStates: 30_000,
  },
  {
    name: 'hands on whoever owns the lease by now',
    break: unconditioned('handOn', on('owner', 'epoch', 'handover')),
    scenario: { ...target, budget: { stop: 1, lapse: 1 } },
    finds: AGAIN_OR_TWO,
  },
  {
    name: 'hands on with a checkpoint that was sent before',
    break: (sound) => ({ ...sound, leavesWithCheckpoint: false }),
    scenario: { ...target, budget: { stop: 1, message: 1 } },
    finds: AGAIN,
  },
  {
    name: 'checkpoints under any owner and epoch',
    break: unconditioned('checkpoint', on('owner', 'epoch')),
    scenario: { ...target, budget: { lapse: 1, message: 1, crash: 1, faults: 3 } },
    finds: /skipped|comes again/,
  },
  {
    name: 'checkpoints after it has drained',
    break: unconditioned('checkpoint', on('handover.drained')),
    scenario: { ...machine, budget: { message: 1 } },
    finds: /comes again/,
  },
  {
    name: 'goes on where it stood, whoever has owned the shard since',
    break: (sound) => ({
      ...sound,
      decideSource: (lease, self, nowMs) =>
        lease.owner === self.workerId && lease.epoch !== self.epoch
          ? [{ kind: 'resume', epoch: lease.epoch }]
          : sound.decideSource(lease, self, nowMs),
    }),
    scenario: { ...target, budget: { stop: 1, lapse: 1 } },
    finds: /comes again/,
  },
  {
    name: 'begins where its own copy ends instead of at the checkpoint',
    break: (sound) => ({ ...sound, beginsAt: (lease, records, tip) => tip ?? sound.beginsAt(lease, records, tip) }),
    scenario: machine,
    finds: /skipped/,
  },
  {
    name: 'begins a second handover under the id of the first',
    break: (sound) => ({ ...sound, handoverId: (lease) => `pull-${lease.epoch}` }),
    scenario: { ...target, budget: { begin: 2, message: 1 } },
    finds: AGAIN,
  },
  {
    name: 'takes its own lease up under the old epoch after a restart',
    break: (sound) => ({ ...sound, adoptsByWriting: false }),
    scenario: { ...target, budget: { crash: 1 } },
    finds: AGAIN,
  },
  {
    name: 'takes a handed-over shard up under the old epoch after a restart',
    break: (sound) => ({
      ...sound,
      decideTarget: (lease, self, nowMs) =>
        sound.decideTarget(lease, { ...self, markAt: (at) => self.markAt(at) ?? lease.handover?.proof ?? null }, nowMs),
    }),
    scenario: { ...target, budget: { begin: 1, crash: 1 } },
    finds: AGAIN,
  },
  {
    name: 'keeps a handover of which the source has lost its memory',
    break: (sound) => ({
      ...sound,
      decideRetired: (lease, workerId) => (lease.owner === workerId ? [] : sound.decideRetired(lease, workerId)),
    }),
    scenario: { ...target, budget: { begin: 1, crash: 2 } },
    finds: /stuck/,
  },
  {
    name: 'waits for ever for a machine that is gone',
    break: (sound) => ({
      ...sound,
      decideDriver: (lease, self) => (lease.handover?.driver === 'target' ? sound.decideDriver(lease, self) : []),
    }),
    scenario: { ...machine, budget: { kill: 1 } },
    finds: /stuck/,
  },
  {
    name: 'begins a handover of a shard that is being resharded',
    break: unconditioned('prepare', on('reshard')),
    scenario: { ...target, budget: { begin: 1, mark: 1 } },
    finds: /a handover and a reshard/,
  },
  {
    name: 'marks a shard for a reshard that is being handed over',
    break: unconditioned('markReshard', on('handover')),
    scenario: { ...target, budget: { begin: 1, mark: 1 } },
    finds: /a handover and a reshard/,
  },
];

const ANY_MARK = { sequenceNumber: '0', count: 0, digest: '0'.repeat(16) };

/** A bug's scenario in full. */
export const scenarioOf = (bug: SeededBug): Scenario => ({
  name: bug.name,
  records: 2,
  ends: false,
  driver: 'machine',
  workers: ['A', 'B'],
  budget: {},
  ...bug.scenario,
});
