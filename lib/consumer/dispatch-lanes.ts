// lib/consumer: the lanes of one shard: calls of the processor side by side, order kept within a partition key.
// in: windows in order · out: calls, one at a time per lane; windows as they are processed, in order
//
// Each lane works off its parts of the windows one after the other. Held (pause), no lane begins a window of which nothing has begun; what has begun is
// finished, so that everything dispatched lies within the position. A lane that cannot finish (its call keeps failing, or it may not act) gives up only where
// it is alone: beside others, which may have gone beyond its record, it tries on, since whoever took the shard over there would do again what they did.
// A poison record that stops the shard is a cut for good: every lane finishes what comes before it and begins nothing after it.
import type { StreamRecord } from '../model/shard.ts';
import type { Clock } from '../ports.ts';
import type { DispatchWindow, LaneWork } from './dispatch-window.ts';
import { placeOf } from './dispatch-window.ts';

/** Some records of one lane, given in one call. */
export interface LaneCall {
  readonly work: LaneWork;
  readonly records: readonly StreamRecord[];
  /** Where the call ends among the lane's records of the window. */
  readonly end: number;
}

/** What became of a call: on with the lane, not now (it was held), or never again. */
export type CallOutcome = 'on' | 'given-up' | 'halted';

export interface DispatchLanesOptions {
  readonly lanes: number;
  readonly maxCallRecords: number;
  readonly clock: Clock;
  readonly mayAct: () => boolean;
  /** Gives the call to the processor as often as it takes, and moves `work.next`. */
  readonly carryOut: (call: LaneCall) => Promise<CallOutcome>;
  /** The first `count` records of the oldest window are processed. */
  readonly onProcessed: (window: DispatchWindow, count: number) => void;
  /** A lane has come to rest, or a window has left. */
  readonly onChange: () => void;
}

/** One lane alone gains nothing by a second window; several go on with the next ones while the slowest is still busy. */
const WINDOWS_IN_FLIGHT = 4;
/** How often a lane that may not act looks whether it may again. */
export const NOT_ALLOWED_MS = 50;

interface Cut {
  readonly window: number;
  readonly place: number;
  readonly forGood: boolean;
}

/** All lanes of one shard. */
export class DispatchLanes {
  readonly #options: DispatchLanesOptions;
  readonly #queues: LaneWork[][];
  readonly #isBusy: boolean[];
  readonly #gaveUp: (Cut | null)[];
  #windows: DispatchWindow[] = [];
  #nextIndex = 0;
  #busy = 0;
  #held = false;
  #stopped = false;
  /** The newest window of which a call has begun. */
  #begun = -1;
  #cut: Cut | null = null;
  #interrupt = new AbortController();

  constructor(options: DispatchLanesOptions) {
    this.#options = options;
    this.#queues = Array.from({ length: options.lanes }, () => []);
    this.#isBusy = this.#queues.map(() => false);
    this.#gaveUp = this.#queues.map(() => null);
  }

  /** Whether no call is in flight and none will begin as things are. */
  get isSettled(): boolean {
    return this.#busy === 0;
  }
  get isEmpty(): boolean {
    return this.#windows.length === 0;
  }
  get hasRoom(): boolean {
    return this.#windows.length < (this.#options.lanes === 1 ? 1 : WINDOWS_IN_FLIGHT);
  }
  get isHeld(): boolean {
    return this.#held;
  }
  /** Whether a poison record has stopped the shard. */
  get isHalted(): boolean {
    return this.#cut?.forGood === true;
  }
  /** Whether something was begun behind a record that is not processed: the position leaves out a part of what was done. */
  get hasGap(): boolean {
    const [oldest, ...later] = this.#windows;
    if (oldest === undefined || this.#options.lanes === 1) return false;
    const isBegunBehind = (work: LaneWork | undefined, place: number) =>
      work !== undefined && work.next > 0 && placeOf(work, work.next - 1) >= place;
    const { processed } = oldest;
    return (
      oldest.works.some((work) => isBegunBehind(work, processed)) ||
      later.some(({ works }) => works.some((work) => isBegunBehind(work, 0)))
    );
  }
  get nextIndex(): number {
    return this.#nextIndex;
  }

  add(window: DispatchWindow): void {
    this.#nextIndex = window.index + 1;
    this.#windows.push(window);
    window.works.forEach((work, lane) => {
      if (work !== undefined) this.#queues[lane]?.push(work);
    });
    if (window.unfinished === 0) this.#shift();
    window.works.forEach((work, lane) => {
      if (work !== undefined) this.#kick(lane);
    });
  }

  /** Begins no further window; waits between attempts end at once. */
  hold(): void {
    this.#held = true;
    this.interrupt();
  }

  /** Ends every wait that is under way. */
  interrupt(): void {
    this.#interrupt.abort();
    this.#interrupt = new AbortController();
  }

  /** Goes on where the lanes stand. */
  release(): void {
    this.#held = false;
    this.#gaveUp.forEach((cut, lane) => {
      if (cut?.forGood === false) this.#gaveUp[lane] = null;
    });
    this.#cutAtFirst();
    this.interrupt();
    this.#queues.forEach((_, lane) => {
      this.#kick(lane);
    });
  }

  /** Begins nothing more at all. */
  stop(): void {
    this.#stopped = true;
    this.interrupt();
  }

  /** Waits, until the lanes are held, released, stopped or interrupted at the latest. */
  async wait(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#interrupt.signal);
  }

  /** Accounts for what is processed without a gap, whole windows or not. */
  account(): void {
    this.#shift();
    const oldest = this.#windows[0];
    if (oldest !== undefined) this.#options.onProcessed(oldest, oldest.processed);
  }

  #kick(lane: number): void {
    if (this.#isBusy[lane]) return;
    this.#isBusy[lane] = true;
    this.#busy += 1;
    this.#run(lane);
  }

  async #run(lane: number): Promise<void> {
    const queue = this.#queues[lane] ?? [];
    for (let work = queue[0]; work !== undefined && !this.#stopped; work = queue[0]) {
      if (work.next >= work.records.length) {
        queue.shift();
        work.window.unfinished -= 1;
        this.#shift();
        continue;
      }
      const end = this.#endOfCall(work);
      if (end <= work.next) break;
      if (!this.#options.mayAct()) {
        if (this.#held && this.#isAlone) this.#giveUp(lane, work, false);
        else await this.wait(NOT_ALLOWED_MS);
        continue;
      }
      this.#begun = Math.max(this.#begun, work.window.index);
      const isWhole = work.next === 0 && end === work.records.length;
      const records = isWhole ? work.records : work.records.slice(work.next, end);
      const outcome = await this.#options.carryOut({ work, records, end });
      // A work that takes more than one call may take long: what it has done so far counts.
      if (work.next > 0 && work.next < work.records.length) this.account();
      if (outcome === 'halted') this.#giveUp(lane, work, true);
      // Released meanwhile, a lane that gave up goes on instead.
      if (outcome === 'given-up' && this.#held) {
        if (this.#isAlone) this.#giveUp(lane, work, false);
        else await this.wait(NOT_ALLOWED_MS);
      }
    }
    this.#isBusy[lane] = false;
    this.#busy -= 1;
    if (this.#busy === 0 && (this.#held || this.isHalted)) this.account();
    this.#options.onChange();
  }

  /** How far the next call of a lane may reach: nowhere, for a window that is not to begin or lies behind the cut. */
  #endOfCall(work: LaneWork): number {
    const { window, records, next } = work;
    if (this.#held && window.index > this.#begun) return next;
    const most = Math.min(next + (work.tries.isolated ? 1 : this.#options.maxCallRecords), records.length);
    const cut = this.#cut;
    if (cut === null || window.index < cut.window) return most;
    if (window.index > cut.window) return next;
    let end = next;
    while (end < most && placeOf(work, end) < cut.place) end += 1;
    return end;
  }

  get #isAlone(): boolean {
    return this.#options.lanes === 1;
  }

  #giveUp(lane: number, work: LaneWork, forGood: boolean): void {
    this.#gaveUp[lane] = { window: work.window.index, place: placeOf(work, work.next), forGood };
    this.#cutAtFirst();
  }

  #cutAtFirst(): void {
    const isBefore = (a: Cut, b: Cut) => a.window < b.window || (a.window === b.window && a.place < b.place);
    this.#cut = this.#gaveUp.reduce<Cut | null>(
      (first, cut) => (cut !== null && (first === null || isBefore(cut, first)) ? cut : first),
      null,
    );
  }

  /** Lets go of the windows that are finished, in order. */
  #shift(): void {
    let left = 0;
    for (let oldest = this.#windows[0]; oldest?.unfinished === 0; oldest = this.#windows[0]) {
      this.#options.onProcessed(oldest, oldest.contents.records.length);
      this.#windows.shift();
      left += 1;
    }
    if (left > 0) this.#options.onChange();
  }
}
