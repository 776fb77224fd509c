// bench/fault-meeting: one handover that is made to stand still in a known state, and the fault that meets it there.
// in: a run, the parties of a handover, a case · out: when the fault was made, or that the state was missed
import { setTimeout as sleep } from 'node:timers/promises';
import { type HandoverTimes, handoverTimes } from '../infra/handover-definition.ts';
import type { HandoverInput, HandoverPhase } from '../lib/model/handover.ts';
import type { Lease } from '../lib/model/lease.ts';
import type { FaultRun } from '../local/fault-run.ts';
import type { HeldCall } from '../local/held-call.ts';
import type { WorkerNetwork, WorkerProcess } from '../local/process-fleet.ts';
import { type FaultCase, isWorkerKind } from './fault-cases.ts';
import { faultOn } from './fault-on-worker.ts';
import { type FaultState, faultPoints, isWriteOn } from './fault-points.ts';
import type { HeldMachines } from './held-machine.ts';

/** Who takes part in one handover. */
export interface Parties {
  readonly shardId: string;
  readonly source: WorkerProcess;
  readonly target: WorkerProcess;
  readonly input: HandoverInput;
}

/** A handover that met its fault, which is over. */
export interface Met {
  /** Wall clock, when the fault began. */
  readonly atMs: number;
  readonly executionArn: string;
}

const CAUGHT_WITHIN_MS = 8_000;
const THROTTLED_MS = 6_000;
const THROTTLED_SHARE = 0.4;
const PAST_DEADLINE_MS = 500;

/** The callbacks in the states that wait for one: who answers, which of its answers in one handover it is, what the lease shows by then, the deadline. */
const answers = {
  preparing: { by: 'target', nth: 1, phase: 'preparing', deadline: 'prepareSec' },
  pausing: { by: 'target', nth: 2, phase: 'pausing', deadline: 'pauseSec' },
  activating: { by: 'target', nth: 3, phase: 'activated', deadline: 'activateSec' },
  resuming: { by: 'source', nth: 1, phase: 'released', deadline: 'deactivateSec' },
} as const satisfies Partial<
  Record<FaultState, { by: 'source' | 'target'; nth: number; phase: HandoverPhase; deadline: keyof HandoverTimes }>
>;

const proxiesOf = (worker: WorkerProcess): WorkerNetwork => {
  if (worker.network === null) throw new Error(`${worker.workerId} has no proxies: its calls cannot be held`);
  return worker.network;
};

/** Handovers of one run. `onSleep` hears of a worker that is put to sleep and woken: what it says of itself is old meanwhile. */
export class FaultMeeting {
  readonly #run: FaultRun;
  readonly #machines: HeldMachines;
  readonly #onSleep: (worker: WorkerProcess, sleeps: boolean) => void;

  constructor(run: FaultRun, machines: HeldMachines, onSleep: (worker: WorkerProcess, sleeps: boolean) => void) {
    this.#run = run;
    this.#machines = machines;
    this.#onSleep = onSleep;
  }

  /** Starts the handover and makes the fault in the wanted state; resolves when the fault is over, with null when the state was missed. */
  async meet(fault: FaultCase, parties: Parties): Promise<Met | null> {
    if (fault.state === 'all') return this.#throttle(parties);
    if (fault.party === 'callback') return this.#delayOrRepeat(fault.state, fault.kind === 'twice', parties);
    const { source, target } = parties;
    const held = await this.#holdIn(fault.state, parties);
    if (held === null) return null;
    const { executionArn, goOn } = held;
    const atMs = Date.now();
    let end = async (): Promise<void> => {};
    if (fault.party === 'controller') await this.#machines.stop(executionArn);
    else if (fault.party === 'stream') await this.#split(parties.shardId);
    else if (isWorkerKind(fault.kind)) {
      const worker = fault.party === 'source' ? source : target;
      this.#onSleep(worker, fault.kind === 'asleep');
      end = await faultOn(this.#run.fleet, worker, fault.kind);
    }
    // What was held goes on its way, as if it had been under way when the fault came.
    await goOn();
    await end();
    for (const worker of [source, target]) this.#onSleep(worker, false);
    return { atMs, executionArn };
  }

  /** Starts the handover and waits until it stands still there, as its lease says. */
  async #holdIn(state: FaultState, parties: Parties): Promise<{ executionArn: string; goOn: () => Promise<void> } | null> {
    const { shardId, source, target, input } = parties;
    const { phase, hold } = faultPoints[state];
    if (hold.kind === 'machine') {
      const executionArn = await this.#start(input, hold.before);
      const goOn = await this.#machines.held(input.handoverId, CAUGHT_WITHIN_MS);
      return goOn !== null && (await this.#shows(parties, phase)) ? { executionArn, goOn } : this.#letGo(goOn);
    }
    const proxy = proxiesOf(hold.of === 'source' ? source : target).dynamodb;
    const wish = proxy.hold((call) => isWriteOn(call, shardId, hold.matches));
    const executionArn = await this.#start(input, null);
    const held = await within<HeldCall>(wish.caught);
    wish.cancel();
    const goOn = held === null ? null : () => held.release();
    return goOn !== null && (await this.#shows(parties, phase)) ? { executionArn, goOn } : this.#letGo(goOn);
  }

  async #delayOrRepeat(state: FaultState, repeats: boolean, parties: Parties): Promise<Met | null> {
    if (!(state in answers))
      throw new RangeError(`the machine waits for no callback in ${state}, but in ${Object.keys(answers).join(', ')}`);
    const { by, nth, phase, deadline } = answers[state as keyof typeof answers];
    let answered = 0;
    const wish = proxiesOf(parties[by]).dynamodb.hold(({ target }) => {
      if (target.endsWith('.SendTaskSuccess')) answered += 1;
      return answered === nth;
    });
    const executionArn = await this.#start(parties.input, null);
    const held = await within<HeldCall>(wish.caught);
    wish.cancel();
    if (held === null || !(await this.#shows(parties, phase))) return this.#letGo(held === null ? null : () => held.release());
    const atMs = Date.now();
    if (!repeats) await sleep(handoverTimes()[deadline] * 1000 + PAST_DEADLINE_MS);
    await held.release(repeats ? 2 : 1);
    return { atMs, executionArn };
  }

  async #throttle({ source, target, input }: Parties): Promise<Met> {
    const proxies = [source, target].map((worker) => proxiesOf(worker).dynamodb);
    for (const proxy of proxies) proxy.set({ kind: 'throttle', share: THROTTLED_SHARE });
    const atMs = Date.now();
    const executionArn = await this.#start(input, null);
    await sleep(THROTTLED_MS);
    for (const proxy of proxies) proxy.set({ kind: 'pass' });
    return { atMs, executionArn };
  }

  /** By someone who does not ask whether it is convenient. */
  async #split(shardId: string): Promise<void> {
    const { startingHashKey, endingHashKey } = (await this.#leaseOf(shardId)).hashKeyRange;
    const half = startingHashKey + (endingHashKey - startingHashKey) / 2n + 1n;
    const result = await this.#run.ports.control.split(this.#run.group.streamName, shardId, half);
    if (result.kind !== 'changed') throw new Error(`${shardId} could not be split: ${JSON.stringify(result)}`);
  }

  async #start(input: HandoverInput, before: Parameters<HeldMachines['start']>[1]): Promise<string> {
    const executionArn = await this.#machines.start(input, before);
    // As the dispatcher does.
    await this.#run.ports.workers.announce(this.#run.group);
    return executionArn;
  }

  async #shows({ shardId, input }: Parties, phase: HandoverPhase): Promise<boolean> {
    const { handover } = await this.#leaseOf(shardId);
    return handover?.id === input.handoverId && handover.phase === phase;
  }

  async #letGo(goOn: (() => Promise<void>) | null): Promise<null> {
    await goOn?.();
    return null;
  }

  async #leaseOf(shardId: string): Promise<Lease> {
    const [lease] = await this.#run.ports.leases.get(this.#run.group, [shardId]);
    if (lease === undefined) throw new Error(`the lease of ${shardId} is gone`);
    return lease;
  }
}

/** What came in time, else null. */
const within = <T>(caught: Promise<T>): Promise<T | null> => {
  const late = new AbortController();
  const none = sleep(CAUGHT_WITHIN_MS, null, { signal: late.signal }).catch(() => null);
  return Promise.race([caught, none]).finally(() => late.abort());
};
