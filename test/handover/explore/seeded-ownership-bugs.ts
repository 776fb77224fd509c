// test: bugs in who owns a shard and how far it is processed, each of which the explorer must find.
// in: nothing · out: a table of bugs, the smallest scenario that shows each, and what is wrong then
import { AGAIN, AGAIN_OR_TWO, machine, on, type SeededBug, target, unchanged, unconditioned } from './seeded-bug.ts';

/** The table. */
export const ownershipBugs: readonly SeededBug[] = [
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
