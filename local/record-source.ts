// local/record-source: which records come when.
// in: the rates and keys from now on, a seed · out: the records that are due, evenly through each minute, numbered from 1 within each key
import { seeded } from './synthetic-trace.ts';

const MINUTE_MS = 60_000;

/** What the producer process replays: a day at most. */
export interface Replay {
  /** Records a second, one entry a minute. */
  readonly rates: readonly number[];
  readonly keys: readonly { readonly key: string; readonly share: number | readonly number[] }[];
}

export interface DueRecord {
  readonly key: string;
  readonly n: number;
}

/** Hands out what is due since the last call. The same seed and the same trace give the same records in the same order. */
export class RecordSource {
  readonly #replay: Replay;
  readonly #chance: () => number;
  readonly #lastN: number[];
  #emitted = 0;
  #cumulative: { readonly minute: number; readonly shares: number[] } | null = null;

  constructor(replay: Replay, seed: number) {
    this.#replay = replay;
    this.#chance = seeded(seed);
    this.#lastN = replay.keys.map(() => 0);
  }

  /** The length of the replay in milliseconds. */
  get lengthMs(): number {
    return this.#replay.rates.length * MINUTE_MS;
  }

  due(elapsedMs: number): DueRecord[] {
    const count = Math.floor(this.#expected(elapsedMs)) - this.#emitted;
    this.#emitted += Math.max(count, 0);
    const minute = Math.min(Math.floor(elapsedMs / MINUTE_MS), this.#replay.rates.length - 1);
    return Array.from({ length: Math.max(count, 0) }, () => {
      const i = this.#pick(minute);
      this.#lastN[i]! += 1;
      return { key: this.#replay.keys[i]!.key, n: this.#lastN[i]! };
    });
  }

  #expected(elapsedMs: number): number {
    const whole = Math.floor(elapsedMs / MINUTE_MS);
    let sum = 0;
    for (let m = 0; m < Math.min(whole, this.#replay.rates.length); m++) sum += this.#replay.rates[m]! * 60;
    return sum + (this.#replay.rates[whole] ?? 0) * ((elapsedMs % MINUTE_MS) / 1000);
  }

  #pick(minute: number): number {
    if (this.#cumulative?.minute !== minute) {
      let sum = 0;
      const shares = this.#replay.keys.map(({ share }) => (sum += typeof share === 'number' ? share : (share[minute] ?? 0)));
      this.#cumulative = { minute, shares };
    }
    const { shares } = this.#cumulative!;
    const at = this.#chance() * shares.at(-1)!;
    let [low, high] = [0, shares.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (shares[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
