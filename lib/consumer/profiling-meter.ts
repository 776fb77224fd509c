// lib/consumer: whose turn it is in a profiling run, and what the process spends meanwhile.
// in: turns of legs, one at a time · out: CPU, event loop and waiting of each leg and of none
import type { ProfilingLeg } from '../model/profiling.ts';
import type { Clock, ProcessProfile, Spent } from '../ports.ts';

export interface TurnUse {
  ms: number;
  cpuMs: number;
  loopBusyMs: number;
  loopIdleMs: number;
  /** Null: this system does not tell. */
  stolenMs: number | null;
}

const nothing = (): TurnUse => ({ ms: 0, cpuMs: 0, loopBusyMs: 0, loopIdleMs: 0, stolenMs: null });

/** Adds up what is spent to the leg whose turn it is. */
export class TurnMeter {
  readonly #profile: Pick<ProcessProfile, 'spent'>;
  readonly #clock: Clock;
  #leg: ProfilingLeg | null = null;
  #atMs: number;
  #spent: Spent;
  #uses = new Map<ProfilingLeg | null, TurnUse>();

  constructor(profile: Pick<ProcessProfile, 'spent'>, clock: Clock) {
    this.#profile = profile;
    this.#clock = clock;
    this.#atMs = clock.monotonicMs();
    this.#spent = profile.spent();
  }

  /** From now on it is this leg's turn, or nobody's. */
  turnOf(leg: ProfilingLeg | null): void {
    this.#settle();
    this.#leg = leg;
  }

  /** What was spent since the last call, by leg and by none; a turn under way is cut in two. */
  take(): ReadonlyMap<ProfilingLeg | null, TurnUse> {
    this.#settle();
    const uses = this.#uses;
    this.#uses = new Map();
    return uses;
  }

  #settle(): void {
    const atMs = this.#clock.monotonicMs();
    const spent = this.#profile.spent();
    const use = this.#uses.get(this.#leg) ?? nothing();
    use.ms += atMs - this.#atMs;
    use.cpuMs += Math.max(0, spent.cpuMs - this.#spent.cpuMs);
    use.loopBusyMs += Math.max(0, spent.loopBusyMs - this.#spent.loopBusyMs);
    use.loopIdleMs += Math.max(0, spent.loopIdleMs - this.#spent.loopIdleMs);
    if (spent.stolenMs !== null && this.#spent.stolenMs !== null)
      use.stolenMs = (use.stolenMs ?? 0) + Math.max(0, spent.stolenMs - this.#spent.stolenMs);
    this.#uses.set(this.#leg, use);
    this.#atMs = atMs;
    this.#spent = spent;
  }
}
