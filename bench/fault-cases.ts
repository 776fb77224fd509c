// bench/fault-cases: the matrix: which fault meets which party in which state of a handover.
// in: whether it must be quick · out: cases
import type { FaultState } from './fault-points.ts';
import { faultPoints } from './fault-points.ts';

/**
 * What happens to a worker. `killed`: SIGKILL, another process under another id comes later. `restarted`: SIGKILL, and at once a process under
 * the same id. `asleep`: SIGSTOP past the failover time. `cut …`: connections reset. `black hole`: half-open to everything.
 */
export const workerKinds = ['killed', 'restarted', 'asleep', 'cut from DynamoDB', 'cut from Kinesis', 'black hole'] as const;
export type WorkerKind = (typeof workerKinds)[number];
export const isWorkerKind = (kind: FaultKind): kind is WorkerKind => (workerKinds as readonly string[]).includes(kind);

/**
 * The other faults. `stopped`: StopExecution. `late`: the answer to the state's callback arrives after its deadline. `twice`: it arrives twice.
 * `throttled`: DynamoDB refuses two calls of five of both workers from before the handover to its end. `split`: the shard is split by someone
 * who knows nothing of the handover.
 */
export type FaultKind = WorkerKind | 'stopped' | 'late' | 'twice' | 'throttled' | 'split';
export type FaultParty = 'source' | 'target' | 'controller' | 'callback' | 'both' | 'stream';

export interface FaultCase {
  /** `all`: the fault lasts through all of them. */
  readonly state: FaultState | 'all';
  readonly party: FaultParty;
  readonly kind: FaultKind;
}

const states = Object.keys(faultPoints) as FaultState[];
const cross = <T extends FaultParty>(parties: readonly T[], kinds: readonly FaultKind[]): FaultCase[] =>
  states.flatMap((state) => parties.flatMap((party) => kinds.map((kind) => ({ state, party, kind }))));

/** The states whose callback the machine waits for, but `preparing`, whose deadline of a minute would make the bench wait. */
const WITH_DEADLINE = ['pausing', 'activating', 'resuming'] as const satisfies FaultState[];
const WITH_CALLBACK = ['preparing', ...WITH_DEADLINE] as const satisfies FaultState[];
const SPLIT_IN = ['preparing', 'pausing', 'redirected', 'activating', 'activated'] as const satisfies FaultState[];
const THROTTLED_RUNS = 4;

export interface FaultCases {
  /** Each needs workers of its own while it lasts. */
  readonly alone: readonly FaultCase[];
  /** Disturb only their own shard: any number at once. */
  readonly together: readonly FaultCase[];
}

/** Every case; or, quick, one kind per state, the kinds and the parties in turns. */
export const faultCases = (isQuick: boolean): FaultCases => {
  const workers = cross(['source', 'target'], workerKinds);
  const stopped = cross(['controller'], ['stopped']);
  if (isQuick) {
    const one = states.map((state, i): FaultCase => {
      const party = (['source', 'target'] as const)[i % 2] ?? 'source';
      return { state, party, kind: workerKinds[(i + Math.floor(i / workerKinds.length)) % workerKinds.length] ?? 'killed' };
    });
    return { alone: one, together: [{ state: 'pausing', party: 'controller', kind: 'stopped' }] };
  }
  return {
    alone: [
      ...workers,
      ...Array.from({ length: THROTTLED_RUNS }, (): FaultCase => ({ state: 'all', party: 'both', kind: 'throttled' })),
      ...WITH_DEADLINE.map((state): FaultCase => ({ state, party: 'callback', kind: 'late' })),
      ...WITH_CALLBACK.map((state): FaultCase => ({ state, party: 'callback', kind: 'twice' })),
    ],
    together: [...stopped, ...SPLIT_IN.map((state): FaultCase => ({ state, party: 'stream', kind: 'split' }))],
  };
};
