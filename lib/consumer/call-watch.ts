// lib/consumer: how long calls of the user's code have been in flight.
// in: begin and end of each call · out: a word when one is late, again at twice the time; how long the oldest has been running
import type { Clock } from '../ports.ts';

/** A call of the user's code. */
export interface WatchedCall {
  readonly doing: string;
  /** How many records it was given, and the first of them. */
  readonly records: number;
  readonly sequenceNumber: string | null;
}

interface InFlight extends WatchedCall {
  readonly begunAtMs: number;
  lateAtMs: number;
}

/** What calls of `process` came to since some beginning. */
export interface CallCount {
  calls: number;
  callMs: number;
  failedCalls: number;
}

/** Watches the calls of one shard. */
export class CallWatch {
  readonly #clock: Clock;
  readonly #lateAfterMs: number;
  readonly #signal: AbortSignal;
  readonly #onLate: (call: WatchedCall, inFlightMs: number) => void;
  /** In the order in which they began. */
  readonly #calls = new Set<InFlight>();
  readonly #count: CallCount;
  #watching = false;
  #endedAtMs = 0;

  constructor(
    clock: Clock,
    lateAfterMs: number,
    signal: AbortSignal,
    onLate: (call: WatchedCall, inFlightMs: number) => void,
    count: CallCount = { calls: 0, callMs: 0, failedCalls: 0 },
  ) {
    this.#clock = clock;
    this.#count = count;
    this.#lateAfterMs = lateAfterMs;
    this.#signal = signal;
    this.#onLate = onLate;
  }

  /** How long the oldest call has been in flight; 0 while there is none. */
  get stuckForMs(): number {
    for (const { begunAtMs } of this.#calls) return this.#clock.monotonicMs() - begunAtMs;
    return 0;
  }

  /** Wall clock of the end of the newest call that has ended; 0 before the first. */
  get endedAtMs(): number {
    return this.#endedAtMs;
  }

  /** Runs one call under watch. */
  async run<T>(doing: string, records: number, sequenceNumber: string | null, call: () => Promise<T>): Promise<T> {
    const begunAtMs = this.#clock.monotonicMs();
    const inFlight = { doing, records, sequenceNumber, begunAtMs, lateAtMs: begunAtMs + this.#lateAfterMs };
    this.#calls.add(inFlight);
    if (!this.#watching) this.#watch();
    const isCounted = doing === 'process';
    try {
      return await call();
    } catch (error) {
      if (isCounted && !this.#signal.aborted) this.#count.failedCalls += 1;
      throw error;
    } finally {
      this.#calls.delete(inFlight);
      if (isCounted) {
        this.#count.calls += 1;
        this.#count.callMs += this.#clock.monotonicMs() - begunAtMs;
      }
      this.#endedAtMs = this.#clock.nowMs();
    }
  }

  /** One timer for all calls: it looks no later than the youngest of them could be late. */
  async #watch(): Promise<void> {
    this.#watching = true;
    while (this.#calls.size > 0 && !this.#signal.aborted) {
      const nowMs = this.#clock.monotonicMs();
      let lookAtMs = nowMs + this.#lateAfterMs;
      for (const call of this.#calls) {
        const inFlightMs = nowMs - call.begunAtMs;
        if (nowMs >= call.lateAtMs) {
          call.lateAtMs = nowMs + inFlightMs;
          this.#onLate(call, inFlightMs);
        }
        lookAtMs = Math.min(lookAtMs, call.lateAtMs);
      }
      await this.#clock.sleep(lookAtMs - nowMs, this.#signal);
    }
    this.#watching = false;
  }
}
