// lib/liveness: whether this worker may still act, judged by its own monotonic clock only.
// in: our heartbeats as they arrive, reads of the lease table · out: whether dispatching is still covered

/** Times in whole microseconds, in memory that the heartbeat thread shares. */
const CELL = { coveredUntil: 0, heldSince: 1, confirmedAt: 2, mainSeenAt: 3, lastTook: 4, flags: 5 } as const;
const CELLS = 6;
const FLAG = { draining: 1n, stuck: 2n } as const;
/** The right to act ends before any observer may take over. */
const HELD_SHARE = 0.8;

/**
 * Our own right to act: it lasts for less than `failoverMs` after the *start* of the last heartbeat that arrived. Once it has lapsed (we were paused,
 * or cut off), a new heartbeat alone does not bring it back: someone may own our leases by now, so the lease table must have been read since.
 * One instance beats (`renewed`), another one on the same cells may live in another thread.
 */
export class OwnLiveness {
  readonly cells: SharedArrayBuffer;
  readonly #cells: BigInt64Array;
  readonly #lastsMs: number;

  constructor(failoverMs: number, cells?: SharedArrayBuffer) {
    this.#lastsMs = failoverMs * HELD_SHARE;
    this.cells = cells ?? new SharedArrayBuffer(CELLS * BigInt64Array.BYTES_PER_ELEMENT);
    this.#cells = new BigInt64Array(this.cells);
    if (cells === undefined) for (const cell of [CELL.coveredUntil, CELL.confirmedAt]) this.#set(cell, Number.NEGATIVE_INFINITY);
  }

  /** A heartbeat that was sent at `sentAtMs` has been stored; it is now `monotonicMs`. */
  renewed(sentAtMs: number, monotonicMs: number): void {
    if (monotonicMs >= this.#get(CELL.coveredUntil)) this.#set(CELL.heldSince, monotonicMs);
    this.#set(CELL.coveredUntil, Math.max(this.#get(CELL.coveredUntil), sentAtMs + this.#lastsMs));
    this.#set(CELL.lastTook, monotonicMs - sentAtMs);
  }

  /** All our leases are as the table had them when it was read at `readAtMs`. */
  confirmed(readAtMs: number): void {
    if (readAtMs >= this.heldSinceMs) this.#set(CELL.confirmedAt, Math.max(readAtMs, this.#get(CELL.confirmedAt)));
  }

  mayAct(monotonicMs: number): boolean {
    return monotonicMs < this.#get(CELL.coveredUntil) && this.isConfirmed;
  }

  /** Whether the lease table has been read since the right to act last came back. */
  get isConfirmed(): boolean {
    return this.#get(CELL.confirmedAt) >= this.heldSinceMs;
  }
  /** When the right to act ends if no further heartbeat arrives. */
  get coveredUntilMs(): number {
    return this.#get(CELL.coveredUntil);
  }
  /** Since when heartbeats have arrived without a lapse. */
  get heldSinceMs(): number {
    return this.#get(CELL.heldSince);
  }
  /** How long the last heartbeat took to be stored. */
  get lastTookMs(): number {
    return this.#get(CELL.lastTook);
  }

  /** The main thread's event loop has just run. */
  seen(monotonicMs: number): void {
    this.#set(CELL.mainSeenAt, monotonicMs);
  }
  get mainSeenAtMs(): number {
    return this.#get(CELL.mainSeenAt);
  }

  /** What the next heartbeat says. */
  say(flag: keyof typeof FLAG, isSo: boolean): void {
    if (isSo) Atomics.or(this.#cells, CELL.flags, FLAG[flag]);
    else Atomics.and(this.#cells, CELL.flags, ~FLAG[flag]);
  }
  says(flag: keyof typeof FLAG): boolean {
    return (Atomics.load(this.#cells, CELL.flags) & FLAG[flag]) !== 0n;
  }

  #get(cell: number): number {
    return Number(Atomics.load(this.#cells, cell)) / 1000;
  }
  #set(cell: number, ms: number): void {
    const us = ms === Number.NEGATIVE_INFINITY ? -(2n ** 62n) : BigInt(Math.floor(ms * 1000));
    Atomics.store(this.#cells, cell, us);
  }
}
