// test: explores every interleaving of one handover: two workers, the machine, one lease item, one shard.
// It runs the code that runs in production: decide.ts, apply-write.ts and the writes. Only time, transport and processes are modelled:
// a worker acts on what it last read, which may be out of date; callbacks may time out at any moment; either worker may crash once.
import { applyWrite, bind } from '../../lib/handover/apply-write.ts';
import { decideRetired, decideSource, decideTarget, type Effect } from '../../lib/handover/decide.ts';
import type { LeaseWrite } from '../../lib/handover/lease-write.ts';
import { machineWrites } from '../../lib/handover/machine-writes.ts';
import { checkpoint, takeOver } from '../../lib/handover/worker-writes.ts';
import type { Lease, Mark } from '../../lib/model/lease.ts';

export interface Party {
  alive: boolean;
  /** Paused by its host: does nothing, and others see its heartbeat stand still. */
  stalled: boolean;
  /** Its own right to act ended while it was paused; it must look at its lease again before it dispatches. */
  lapsed: boolean;
  /** The lease as it last read it. */
  seen: Lease;
  owner: { epoch: number; paused: boolean; inFlight: boolean; position: number; late: boolean } | null;
  /** How far its shadow has read; -1: it keeps none. */
  shadowTip: number;
}

export interface World {
  lease: Lease;
  machine: string;
  /** The present machine state's write has been made, and its callback is awaited. */
  waiting: boolean;
  token: number;
  answered: boolean;
  A: Party;
  B: Party;
  /** Every dispatch in order: record number and epoch. */
  sink: { record: number; epoch: number; by: string }[];
  crashes: number;
  stalls: number;
}

/** What a test may break, to show that the explorer finds it. */
export interface Rules {
  readonly records: number;
  readonly crashes: number;
  readonly stalls: number;
  readonly rechecksAfterStall: boolean;
  readonly writes: Readonly<Record<keyof typeof machineWrites, LeaseWrite>>;
  readonly decideSource: typeof decideSource;
  readonly decideTarget: typeof decideTarget;
}
export const soundRules = (records: number, crashes: number): Rules => ({
  records,
  crashes,
  stalls: 0,
  rechecksAfterStall: true,
  writes: machineWrites,
  decideSource,
  decideTarget,
});

const markAt = (position: number): Mark => ({
  sequenceNumber: String(position),
  count: position,
  digest: position.toString(16).padStart(16, '0'),
});
const group = { application: 'app', streamName: 's' };

const firstLease: Lease = {
  ...group,
  shardId: 'shard',
  hashKeyRange: { startingHashKey: 0n, endingHashKey: 9n },
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

export const firstWorld = (): World => ({
  lease: firstLease,
  machine: 'preparing',
  waiting: false,
  token: 0,
  answered: false,
  A: {
    alive: true,
    stalled: false,
    lapsed: false,
    seen: firstLease,
    owner: { epoch: 1, paused: false, inFlight: false, position: 0, late: false },
    shadowTip: -1,
  },
  B: { alive: true, stalled: false, lapsed: false, seen: firstLease, owner: null, shadowTip: 0 },
  sink: [],
  crashes: 0,
  stalls: 0,
});

type Step = { name: string; next: World };
const clone = (world: World): World => structuredClone(world);
const machineFinal = new Set(['done', 'abandoned']);

const writeOfState: Record<string, keyof typeof machineWrites> = {
  preparing: 'prepare',
  pausing: 'pause',
  redirecting: 'redirect',
  verifying: 'verify',
  activating: 'allowActivation',
  deactivating: 'deactivate',
  resuming: 'resume',
};
const afterState: Record<string, string> = {
  preparing: 'pausing',
  pausing: 'redirecting',
  redirecting: 'verifying',
  verifying: 'activating',
  activating: 'deactivating',
  deactivating: 'resuming',
  resuming: 'done',
};
const waitsForCallback = new Set(['preparing', 'pausing', 'activating', 'deactivating']);

const inputs = (token: number) => ({
  handoverId: 'h',
  source: 'A',
  target: 'B',
  epoch: 1,
  taskToken: `t${token}`,
  pauseBudgetMs: 10,
  requestedAtMs: 0,
});

const machineSteps = (world: World, rules: Rules): Step[] => {
  if (machineFinal.has(world.machine)) return [];
  const next = clone(world);
  const onFailure = world.machine === 'deactivating' ? 'resuming' : 'restoring';
  if (world.machine === 'restoring') {
    for (const name of ['abandon', 'restore'] as const) {
      const result = applyWrite(world.lease, bind(rules.writes[name], inputs(world.token)));
      if (result.kind === 'written') return [{ name, next: { ...next, lease: result.lease, machine: 'abandoned' } }];
    }
    const isPast = world.lease.handover?.id === 'h' && ['activated', 'released'].includes(world.lease.handover.phase);
    return [{ name: 'restore refused', next: { ...next, machine: isPast ? 'deactivating' : 'abandoned', waiting: false } }];
  }
  if (world.waiting) {
    const steps: Step[] = [{ name: 'time-out', next: { ...clone(world), machine: onFailure, waiting: false, answered: false } }];
    if (world.answered)
      steps.push({
        name: 'callback',
        next: { ...next, machine: afterState[world.machine] ?? '', waiting: false, answered: false },
      });
    return steps;
  }
  const name = writeOfState[world.machine];
  if (name === undefined) return [];
  const token = world.token + 1;
  const result = applyWrite(world.lease, bind(rules.writes[name], inputs(token)));
  if (result.kind === 'fenced') {
    return [{ name: `${name} fenced`, next: { ...next, machine: world.machine === 'resuming' ? 'done' : onFailure } }];
  }
  const waits = waitsForCallback.has(world.machine);
  return [
    {
      name,
      next: {
        ...next,
        lease: result.lease,
        token,
        answered: false,
        waiting: waits,
        machine: waits ? world.machine : (afterState[world.machine] ?? ''),
      },
    },
  ];
};

/** The worker's next effects on what it last saw; the first one only, as each write is looked at again. */
const act = (world: World, id: 'A' | 'B', rules: Rules): Step | null => {
  const party = world[id];
  const { seen, owner } = party;
  const dispatch = owner === null ? 'running' : !owner.paused ? 'running' : owner.inFlight ? 'pausing' : 'drained';
  const source: Effect[] =
    owner === null
      ? decideRetired(seen, id)
      : rules.decideSource(
          seen,
          {
            workerId: id,
            epoch: owner.epoch,
            dispatch,
            position: markAt(owner.position),
            pausedForMs: owner.late ? 99 : 0,
            phaseForMs: 0,
            stoppedDispatchingAtMs: 0,
          },
          0,
        );
  const target = rules.decideTarget(
    seen,
    {
      workerId: id,
      caughtUp: party.shadowTip >= 0,
      markAt: (at) => (party.shadowTip >= Number(at) ? markAt(Number(at)) : null),
      dispatching: owner !== null && owner.epoch === seen.epoch,
    },
    0,
  );
  for (const effect of [...source, ...target]) {
    const next = clone(world);
    const self = next[id];
    if (effect.kind === 'write') {
      const result = applyWrite(world.lease, effect.write);
      if (result.kind === 'written') next.lease = result.lease;
      self.seen = next.lease;
      return { name: `${id} ${effect.write.name}`, next };
    }
    if (effect.kind === 'answer') {
      if (effect.taskToken !== `t${world.token}` || world.answered || !world.waiting) continue;
      next.answered = true;
      return { name: `${id} answers`, next };
    }
    if (effect.kind === 'pause' && self.owner !== null) {
      self.owner.paused = true;
      self.owner.late = false;
      return { name: `${id} pauses`, next };
    }
    if (effect.kind === 'resume' && self.owner !== null && (self.owner.paused || self.owner.epoch !== effect.epoch)) {
      self.owner = { ...self.owner, paused: false, late: false, epoch: effect.epoch };
      return { name: `${id} resumes`, next };
    }
    if (effect.kind === 'retire' && self.owner !== null) {
      self.owner = null;
      return { name: `${id} retires`, next };
    }
    if (effect.kind === 'take-up' && self.owner === null) {
      self.owner = { epoch: effect.epoch, paused: false, inFlight: false, position: Number(seen.checkpoint), late: false };
      self.shadowTip = -1;
      return { name: `${id} takes up`, next };
    }
  }
  return null;
};

const workerSteps = (world: World, id: 'A' | 'B', rules: Rules): Step[] => {
  const party = world[id];
  if (!party.alive) return [];
  if (party.stalled) {
    const next = clone(world);
    next[id].stalled = false;
    next[id].lapsed = rules.rechecksAfterStall;
    return [{ name: `${id} is woken`, next }];
  }
  const steps: Step[] = [];
  const add = (name: string, change: (next: World, self: Party) => void) => {
    const next = clone(world);
    change(next, next[id]);
    steps.push({ name: `${id} ${name}`, next });
  };
  if (JSON.stringify(party.seen, bigints) !== JSON.stringify(world.lease, bigints))
    add('reads', (next, self) => {
      self.seen = next.lease;
    });
  const acted = act(world, id, rules);
  if (acted !== null) steps.push(acted);
  const { owner } = party;
  if (party.lapsed) {
    add('looks at its lease again', (next, self) => {
      self.seen = next.lease;
      self.lapsed = owner !== null && (next.lease.owner !== id || next.lease.epoch !== owner.epoch);
    });
  }
  if (world.stalls < rules.stalls) {
    add('is paused by its host', (next, self) => {
      self.stalled = true;
      next.stalls += 1;
    });
  }
  if (owner !== null) {
    if (!owner.paused && !owner.inFlight && !party.lapsed && owner.position < rules.records) {
      add('dispatches', (next, self) => {
        next.sink.push({ record: owner.position + 1, epoch: owner.epoch, by: id });
        if (self.owner !== null) self.owner.inFlight = true;
      });
    }
    if (owner.inFlight)
      add('finishes', (_next, self) => {
        self.owner = { ...owner, inFlight: false, position: owner.position + 1 };
      });
    if (owner.paused && !owner.late)
      add('is late', (_next, self) => {
        self.owner = { ...owner, late: true };
      });
    if (rules.crashes + rules.stalls > 0 && !owner.inFlight && world.lease.checkpoint !== String(owner.position)) {
      const result = applyWrite(
        world.lease,
        checkpoint({ workerId: id, epoch: owner.epoch }, String(owner.position), undefined, undefined, 0),
      );
      if (result.kind === 'written')
        add('checkpoints', (next) => {
          next.lease = result.lease;
        });
    }
  }
  if (party.shadowTip >= 0 && party.shadowTip < rules.records)
    add('shadow reads', (_next, self) => {
      self.shadowTip += 1;
    });
  if (world.crashes < rules.crashes) {
    add('crashes', (next, self) => {
      Object.assign(self, { alive: false, owner: null, shadowTip: -1 });
      next.crashes += 1;
    });
  }
  const holder = world.lease.owner === 'A' || world.lease.owner === 'B' ? world[world.lease.owner] : null;
  // As lease-agent.ts has it: a dead worker's lease is taken over, and so is our own that we do not run (its activation's answer was lost).
  const isOursUnrun = world.lease.owner === id && owner === null && world.lease.handover === undefined;
  if (owner === null && holder !== null && (!holder.alive || holder.stalled || isOursUnrun)) {
    const result = applyWrite(world.lease, takeOver(world.lease, id));
    if (result.kind === 'written') {
      add('takes over', (next, self) => {
        next.lease = result.lease;
        self.seen = result.lease;
        self.owner = {
          epoch: result.lease.epoch,
          paused: false,
          inFlight: false,
          position: Number(result.lease.checkpoint),
          late: false,
        };
        self.shadowTip = -1;
      });
    }
  }
  return steps;
};

const bigints = (_key: string, v: unknown) => (typeof v === 'bigint' ? v.toString() : v);

const wrongNow = (world: World): string | null => {
  const last = world.sink.at(-1);
  if (last === undefined) return null;
  const before = world.sink.slice(0, -1);
  const most = Math.max(0, ...before.map((entry) => entry.record));
  if (last.record > most + 1) return `record ${most + 1} was skipped`;
  if (before.some((entry) => entry.epoch > last.epoch)) return `epoch ${last.epoch} dispatched after a higher one`;
  if (world.crashes + world.stalls === 0 && last.record <= most)
    return `record ${last.record} was dispatched twice without a crash`;
  return null;
};

const wrongAtRest = (world: World, rules: Rules): string | null => {
  const owners = (['A', 'B'] as const).filter(
    (id) => world[id].owner !== null && world.lease.owner === id && world[id].owner?.epoch === world.lease.epoch,
  );
  if (owners.length !== 1) return `${owners.length} owners at rest`;
  if (world.lease.handover !== undefined) return `handover left in ${world.lease.handover.phase}`;
  const done = new Set(world.sink.map((entry) => entry.record)).size;
  return done === rules.records ? null : `${rules.records - done} records never dispatched`;
};

export interface Exploration {
  readonly states: number;
  readonly resting: number;
  readonly ends: ReadonlySet<string>;
  readonly wrong: { readonly what: string; readonly trail: readonly string[] } | null;
}

/** Visits every reachable state, breadth first, until something is wrong or `maxStates` are seen. */
export const explore = (rules: Rules, maxStates: number): Exploration => {
  const first = firstWorld();
  const text = (world: World) => JSON.stringify(world, bigints);
  const seen = new Map<string, { from: string; step: string } | null>([[text(first), null]]);
  let frontier = [first];
  let resting = 0;
  const ends = new Set<string>();
  const trailOf = (key: string): string[] => {
    const trail: string[] = [];
    for (let at = seen.get(key); at !== null && at !== undefined; at = seen.get(at.from)) trail.unshift(at.step);
    return trail;
  };
  while (frontier.length > 0) {
    const nextFrontier: World[] = [];
    for (const world of frontier) {
      const key = text(world);
      const steps = [...machineSteps(world, rules), ...workerSteps(world, 'A', rules), ...workerSteps(world, 'B', rules)];
      const wrong = wrongNow(world) ?? (steps.length === 0 ? wrongAtRest(world, rules) : null);
      const isExcused = steps.length === 0 && !world.A.alive && !world.B.alive;
      if (wrong !== null && !isExcused) return { states: seen.size, resting, ends, wrong: { what: wrong, trail: trailOf(key) } };
      if (steps.length === 0) {
        resting += 1;
        ends.add(`${world.machine} owner ${world.lease.owner}`);
      }
      for (const { name, next } of steps) {
        const nextKey = text(next);
        if (seen.has(nextKey)) continue;
        seen.set(nextKey, { from: key, step: name });
        if (seen.size >= maxStates) return { states: seen.size, resting, ends, wrong: null };
        nextFrontier.push(next);
      }
    }
    frontier = nextFrontier;
  }
  return { states: seen.size, resting, ends, wrong: null };
};
