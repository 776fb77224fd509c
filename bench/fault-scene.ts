// bench/fault-scene: one stream with its workers, on which faults meet handovers one after the other.
// in: cases · out: of each how it ended, how long the shard stood still, and whether every shard had exactly one owner again
import { setTimeout as sleep } from 'node:timers/promises';
import { groupKey } from '../lib/adapters/group-key.ts';
import { removeShadow, requestShadow } from '../lib/handover/control-writes.ts';
import type { Lease } from '../lib/model/lease.ts';
import { FaultRun, type FaultRunOptions, until } from '../local/fault-run.ts';
import type { WorkerProcess } from '../local/process-fleet.ts';
import type { FaultCase } from './fault-cases.ts';
import { FaultMeeting, type Met, type Parties } from './fault-meeting.ts';
import type { HeldMachines } from './held-machine.ts';
import { troubleOf } from './shard-trouble.ts';

/** How a case went. */
export interface FaultOutcome {
  readonly fault: FaultCase;
  readonly shardId: string;
  /** Who has the shard in the end, and how it came to it. */
  readonly end: string;
  readonly standstillMs: number;
  /** What was wrong when every shard should have had one owner again; null: nothing. */
  readonly trouble: string | null;
  readonly reordered: number;
  /** How often the state was missed before. */
  readonly missed: number;
  /** Resolves, much later where nothing but a deadline ends it, with what keeps the handover from being over; null: nothing. */
  readonly over: Promise<string | null>;
}

export type SceneOptions = Omit<FaultRunOptions, 'proxied' | 'rebalance'> & { readonly workers: number };

const BEGUN_WITHIN_MS = 60_000;
const TRACKING_WITHIN_MS = 30_000;
const SETTLED_WITHIN_MS = 40_000;
/** The longest wait of all: the machine's for the target, and then the source's for the machine. */
const OVER_WITHIN_MS = 130_000;
const MOST_MISSED = 8;
/** Source, target and a third. */
const LEAST_WORKERS = 3;
const LOOK_MS = 25;

/** One stream, one fleet. */
export class FaultScene {
  readonly run: FaultRun;
  readonly #machines: HeldMachines;
  readonly #meeting: FaultMeeting;
  readonly #name: string;
  /** Shards of which a handover is under way, or may still be. */
  readonly #busy = new Set<string>();
  readonly #asleep = new Set<WorkerProcess>();
  #joining: Promise<unknown> = Promise.resolve();
  #workers = 0;
  #handovers = 0;

  private constructor(run: FaultRun, machines: HeldMachines, name: string) {
    this.run = run;
    this.#machines = machines;
    this.#name = name;
    this.#meeting = new FaultMeeting(run, machines, (worker, sleeps) =>
      sleeps ? this.#asleep.add(worker) : this.#asleep.delete(worker),
    );
  }

  /** Starts producer and workers; resolves when all shards move. */
  static async open({ workers, ...options }: SceneOptions, machines: HeldMachines): Promise<FaultScene> {
    const run = await FaultRun.open({ ...options, proxied: true, rebalance: 'control-plane' });
    const scene = new FaultScene(run, machines, options.name);
    try {
      run.produce();
      await Promise.all(Array.from({ length: workers }, () => scene.#join()));
      await run.untilShared([], 0, BEGUN_WITHIN_MS);
      await run.untilProcessed(Date.now(), BEGUN_WITHIN_MS);
    } catch (error) {
      await run.close();
      throw error;
    }
    return scene;
  }

  /** Makes a handover, makes it stand still in the case's state, makes the fault, and waits until the shard moves on. Tries again when the state was missed. */
  async play(fault: FaultCase): Promise<FaultOutcome> {
    for (let missed = 0; missed < MOST_MISSED; missed += 1) {
      const parties = await this.#prepare();
      const { reordered } = this.run.sink.counts();
      const shardIds = (await this.run.leases()).map((lease) => lease.shardId);
      const met = await this.#meeting.meet(fault, parties);
      if (met !== null) return this.#outcome(fault, parties, met, shardIds, { reordered, missed });
      await this.#over(parties.shardId, null);
      this.#busy.delete(parties.shardId);
    }
    throw new Error(`the state ${fault.state} was missed in ${MOST_MISSED} handovers`);
  }

  async #outcome(
    fault: FaultCase,
    parties: Parties,
    { atMs, executionArn }: Met,
    before: readonly string[],
    { reordered, missed }: { readonly reordered: number; readonly missed: number },
  ): Promise<FaultOutcome> {
    const { shardId } = parties;
    const isHarmlessToOthers = fault.party === 'controller' || fault.party === 'stream';
    const trouble = await this.#settle(isHarmlessToOthers ? [shardId] : before);
    const leases = await this.run.leases();
    const children = leases.filter(({ parents }) => parents.includes(shardId)).map((child) => child.shardId);
    if (fault.kind === 'killed') {
      this.#joining = this.#join();
      // Whoever needs the newcomer waits for it, and hears why it did not come.
      this.#joining.catch(() => {});
    }
    return {
      fault,
      shardId,
      end: this.#endOf(leases, parties),
      standstillMs: this.run.ledger.standstillMs([shardId, ...children], atMs, Date.now()),
      trouble,
      reordered: this.run.sink.counts().reordered - reordered,
      missed,
      over: this.#over(shardId, executionArn).finally(() => this.#busy.delete(shardId)),
    };
  }

  #join(): Promise<WorkerProcess> {
    this.#workers += 1;
    return this.run.fleet.start(`w${this.#workers}`);
  }

  /** A shard at rest, and a tracking shadow of it on another worker. */
  async #prepare(): Promise<Parties> {
    if (this.run.fleet.living.length < LEAST_WORKERS) await this.#joining;
    const { ports, group, fleet } = this.run;
    const { lease, source } = await this.#shardAtRest();
    const { shardId } = lease;
    const others = fleet.living.filter((worker) => worker !== source && worker.status() !== null);
    const number = this.#handovers;
    this.#handovers += 1;
    const target = others[number % others.length];
    if (target === undefined) throw new Error(`${source.workerId} is alone: there is nobody to hand ${shardId} over to`);
    if (lease.shadow !== undefined) await ports.leases.write(group, shardId, removeShadow(lease.shadow.workerId));
    const write = requestShadow(source.workerId, target.workerId, 'request', Date.now());
    const asked = await ports.leases.write(group, shardId, write);
    if (asked.kind === 'fenced')
      throw new Error(`no shadow could be asked for: the lease of ${shardId} is ${JSON.stringify(asked.lease)}`);
    await ports.workers.announce(group);
    await until(`a shadow of ${shardId} on ${target.workerId} that tracks`, TRACKING_WITHIN_MS, async () => {
      const [{ shadow } = {} as Lease] = await ports.leases.get(group, [shardId]);
      return shadow?.state === 'tracking' && shadow.verifiedThrough !== undefined;
    });
    const input = {
      handoverId: `${this.#name}-${number}`,
      ...group,
      group: groupKey(group),
      shardId,
      source: source.workerId,
      target: target.workerId,
      epoch: asked.lease.epoch,
      requestedAtMs: Date.now(),
    };
    return { shardId, source, target, input };
  }

  async #shardAtRest(): Promise<{ lease: Lease; source: WorkerProcess }> {
    const began = performance.now();
    while (performance.now() - began < OVER_WITHIN_MS) {
      for (const lease of await this.run.leases()) {
        const source = this.run.fleet.living.find(({ workerId }) => workerId === lease.owner);
        if (this.#busy.has(lease.shardId) || lease.state !== 'active' || lease.handover !== undefined || source === undefined)
          continue;
        this.#busy.add(lease.shardId);
        return { lease, source };
      }
      await sleep(LOOK_MS);
    }
    throw new Error(`no shard of ${this.#name} came to rest within ${OVER_WITHIN_MS} ms`);
  }

  /** Waits until each of the shards, or its children once it has ended, is run by exactly one living worker, as its lease says, and moves on. */
  async #settle(shardIds: readonly string[]): Promise<string | null> {
    const sinceMs = Date.now();
    const began = performance.now();
    let trouble: string | null = 'not looked at yet';
    while (trouble !== null && performance.now() - began < SETTLED_WITHIN_MS) {
      await sleep(LOOK_MS);
      const leases = await this.run.leases();
      const running = this.run.fleet.living
        .filter((worker) => !this.#asleep.has(worker))
        .map(({ workerId, status }) => ({ workerId, shards: status()?.shards ?? [] }));
      const hasMoved = (shardId: string) => this.run.ledger.lastNewAtMs(shardId) > sinceMs;
      const troubles = shardIds.flatMap((shardId) => troubleOf(shardId, leases, running, hasMoved) ?? []);
      const missing = this.run.sink.missing();
      if (missing > 0) troubles.push(`${missing} records have not come, though later ones of their keys have`);
      trouble = troubles.length === 0 ? null : troubles.join('; ');
    }
    return trouble;
  }

  #endOf(leases: readonly Lease[], { shardId, source, target, input }: Parties): string {
    const lease = leases.find((each) => each.shardId === shardId);
    if (lease?.state === 'ended') return 'ended, children run';
    const who = { [source.workerId]: 'source', [target.workerId]: 'target' }[lease?.owner ?? ''] ?? 'third';
    if (lease?.epoch === input.epoch) return `stayed with ${who}`;
    const taken = this.run.fleet.all
      .flatMap(({ events }) => events)
      .find(({ event }) => event.kind === 'lease-taken' && event.shardId === shardId && event.epoch === lease?.epoch)?.event;
    // A Restore, or a worker that renewed its own right, changes the epoch of an owner that goes on.
    if (taken?.kind !== 'lease-taken') return `back with ${who}`;
    return taken.how === 'handed-over' ? 'handed over' : `taken over by ${who}`;
  }

  /** Waits until the lease has no handover any more and its execution has ended. */
  async #over(shardId: string, executionArn: string | null): Promise<string | null> {
    const began = performance.now();
    let trouble = '';
    while (performance.now() - began < OVER_WITHIN_MS) {
      const [{ handover } = {} as Lease] = await this.run.ports.leases.get(this.run.group, [shardId]);
      const status = executionArn === null ? 'ended' : await this.#machines.statusOf(executionArn);
      if (handover === undefined && status !== 'RUNNING') return null;
      const open = handover === undefined ? 'no handover' : `handover ${handover.id} in ${handover.phase}`;
      trouble = `${shardId} has ${open}, its execution is ${status}`;
      await sleep(200);
    }
    return trouble;
  }
}
