// test: the handover machine in process: the same states, writes and deadlines as Step Functions has, on any LeaseStore.
import { bind } from '../../lib/handover/apply-write.ts';
import { type MachineWriteName, machineWrites } from '../../lib/handover/machine-writes.ts';
import type { HandoverInput } from '../../lib/model/handover.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Callbacks, Clock, LeaseStore } from '../../lib/ports.ts';

export interface MachineRun {
  readonly result: 'done' | 'abandoned';
  readonly states: readonly string[];
  /** The lease's handover as ResumeIngestion closed it. */
  readonly last: Lease['handover'] | null;
}

const WAIT_MS = { preparing: 20_000, pausing: 3000, activating: 5000, deactivating: 5000 } as const;

/** Answers callbacks by token, as Step Functions does. */
export class TokenDesk implements Callbacks {
  readonly #open = new Map<string, () => void>();

  open(token: string): Promise<void> {
    return new Promise((resolve) => {
      this.#open.set(token, resolve);
    });
  }
  close(token: string): void {
    this.#open.delete(token);
  }
  succeed(taskToken: string): Promise<{ kind: 'answered' | 'gone' }> {
    const answer = this.#open.get(taskToken);
    this.#open.delete(taskToken);
    answer?.();
    return Promise.resolve({ kind: answer === undefined ? 'gone' : 'answered' });
  }
}

/** Runs one handover to its end. */
export const runHandover = async (
  leases: LeaseStore,
  desk: TokenDesk,
  clock: Clock,
  input: HandoverInput,
): Promise<MachineRun> => {
  const states: string[] = [];
  let tokens = 0;
  const write = async (name: MachineWriteName, taskToken: string) =>
    leases.write(input, input.shardId, bind(machineWrites[name], { ...input, taskToken, pauseBudgetMs: WAIT_MS.pausing - 500 }));
  const step = async (state: string, name: MachineWriteName, waitMs: number | null): Promise<Lease | null> => {
    states.push(state);
    tokens += 1;
    const token = `${input.handoverId}-${tokens}`;
    const answered = desk.open(token);
    const result = await write(name, token);
    if (result.kind === 'fenced') return null;
    if (waitMs === null) return result.lease;
    const late = clock.sleep(waitMs).then(() => 'late' as const);
    const outcome = await Promise.race([answered.then(() => 'answered' as const), late]);
    desk.close(token);
    return outcome === 'answered' ? result.lease : null;
  };
  const forward = async (): Promise<MachineRun> => {
    await step('deactivating', 'deactivate', WAIT_MS.deactivating);
    states.push('resuming');
    const [before] = await leases.get(input, [input.shardId]);
    await write('resume', '');
    return { result: 'done', states, last: before?.handover ?? null };
  };
  const went =
    (await step('preparing', 'prepare', WAIT_MS.preparing)) !== null &&
    (await step('pausing', 'pause', WAIT_MS.pausing)) !== null &&
    (await step('redirecting', 'redirect', null)) !== null &&
    (await step('verifying', 'verify', null)) !== null &&
    (await step('activating', 'allowActivation', WAIT_MS.activating)) !== null;
  if (went) return forward();
  states.push('restoring');
  for (const name of ['abandon', 'restore'] as const) {
    if ((await write(name, '')).kind === 'written') return { result: 'abandoned', states, last: null };
  }
  const [lease] = await leases.get(input, [input.shardId]);
  const isPast = lease?.handover?.id === input.handoverId && ['activated', 'released'].includes(lease.handover.phase);
  return isPast ? forward() : { result: 'abandoned', states, last: null };
};
