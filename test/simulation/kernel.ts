// test/simulation: time that stands still until everything that can run has run; processes that can be frozen, killed, and whose clocks go wrong.
// in: what is to happen when · out: it happens, in order
import { InvariantError } from '../../lib/errors.ts';
import type { Clock } from '../../lib/ports.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly process: SimulatedProcess | null;
  readonly run: () => void;
  isOff: boolean;
}

/** Far above what any seed takes. */
const MOST_EVENTS = 2_000_000;
const WALL_MS = 1_800_000_000_000;

/** Everything that promises have made ready has run: the tick queue comes after them. */
const drained = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** One world's time. */
export class Kernel {
  #nowMs = 0;
  #order = 0;
  #events = 0;
  readonly #heap: Event[] = [];
  /** Processes that wait for something outside of simulated time (a module that is compiled): time stands still until they go on. */
  readonly awaited = new Set<SimulatedProcess>();
  /** The world's own clock: Kinesis's, and the control plane's. */
  readonly clock: Clock = {
    nowMs: () => WALL_MS + this.#nowMs,
    monotonicMs: () => this.#nowMs,
    sleep: (ms, signal) => this.sleep(ms, signal, null),
  };

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs something later; of a process that is dead by then, never; of a frozen one, when it thaws. Returns what takes it back. */
  after(ms: number, process: SimulatedProcess | null, run: () => void): () => void {
    const event: Event = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order, process, run, isOff: false };
    this.#order += 1;
    this.#push(event);
    return () => {
      event.isOff = true;
    };
  }

  sleep(ms: number, signal: AbortSignal | undefined, process: SimulatedProcess | null): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.after(ms, process, () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      });
      const wake = () => {
        cancel();
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Moves time on by `ms`, event by event. */
  async run(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await drained();
    for (let event = this.#heap[0]; event !== undefined && event.atMs <= untilMs; event = this.#heap[0]) {
      this.#pop();
      if (event.isOff || event.process?.state === 'dead') continue;
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      if (event.process?.state === 'frozen') {
        event.process.held.push(event.run);
        continue;
      }
      this.#events += 1;
      if (this.#events > MOST_EVENTS)
        throw new InvariantError(`the world does not come to rest: ${this.#events} events until ${this.#nowMs} ms`);
      event.run();
      await drained();
      while (this.awaited.size > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = untilMs;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above];
      if (other === undefined || isBefore(other, event)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        least = right;
        below += 1;
      }
      if (isBefore(last, least)) break;
      heap[at] = least;
      at = below;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** One run of a program: its clocks are its own, and nothing of it happens once it is dead. */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  /** Its calls take time and are never lost. */
  readonly isReliable: boolean;
  readonly #kernel: Kernel;
  state: 'up' | 'frozen' | 'dead' = 'up';
  /** What became due while it was frozen. */
  readonly held: (() => void)[] = [];
  /** For how long it has been frozen in all. */
  frozenMs = 0;
  #frozenAtMs = 0;

  /** `rate`: how fast its clocks go; `skewMs`: how far its wall clock is off. */
  constructor(name: string, kernel: Kernel, { rate = 1, skewMs = 0, isReliable = false } = {}) {
    this.name = name;
    this.isReliable = isReliable;
    this.#kernel = kernel;
    this.clock = {
      nowMs: () => WALL_MS + skewMs + kernel.nowMs * rate,
      monotonicMs: () => kernel.nowMs * rate,
      sleep: (ms, signal) => kernel.sleep(ms / rate, signal, this),
    };
  }

  /** As SIGSTOP does. */
  freeze(): void {
    if (this.state !== 'up') return;
    this.state = 'frozen';
    this.#frozenAtMs = this.#kernel.nowMs;
  }

  /** As SIGCONT does: everything that was due comes at once, in order. */
  thaw(): void {
    if (this.state !== 'frozen') return;
    this.state = 'up';
    this.frozenMs += this.#kernel.nowMs - this.#frozenAtMs;
    for (const run of this.held.splice(0)) this.#kernel.after(0, this, run);
  }

  /** As SIGKILL does. */
  kill(): void {
    this.state = 'dead';
    this.held.length = 0;
    this.#kernel.awaited.delete(this);
  }
}
