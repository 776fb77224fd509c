// lib/consumer: when other settings may take the place of a shard's present ones: between two windows, with nothing in flight.
// in: what is wanted, the time · out: whether to drain the lanes for it now
//
//   asked ─(due)─► draining ─(lanes empty, flushed)─► taken over       draining ─(takes too long, or a poison record has stopped the shard)─► put off ─► due again
import type { SettingsInForce } from '../model/tuning.ts';

/** What of the settings the dispatcher of a shard goes by. */
export type DispatchSettings = Pick<SettingsInForce, 'maxBatchRecords' | 'concurrencyPerShard'>;

/** A call that fails again and again must not keep the other lanes idle for the sake of a setting. */
const DRAIN_WITHIN_MS = 10_000;
const AGAIN_AFTER_MS = 30_000;

/** One shard's wish for other settings. */
export class SettingChange {
  #wanted: DispatchSettings | null = null;
  #fromMs = Number.NEGATIVE_INFINITY;
  #drainUntilMs: number | null = null;

  ask(wanted: DispatchSettings, now: DispatchSettings): void {
    const { maxBatchRecords, concurrencyPerShard } = wanted;
    const isSo = maxBatchRecords === now.maxBatchRecords && concurrencyPerShard === now.concurrencyPerShard;
    this.#wanted = isSo ? null : { maxBatchRecords, concurrencyPerShard };
  }

  isDue(nowMs: number): boolean {
    return this.#wanted !== null && nowMs >= this.#fromMs;
  }

  /** For how long the lanes may be drained; null: they are being drained already. */
  begin(nowMs: number): number | null {
    if (this.#drainUntilMs !== null) return null;
    this.#drainUntilMs = nowMs + DRAIN_WITHIN_MS;
    return DRAIN_WITHIN_MS;
  }

  isOverdue(nowMs: number): boolean {
    return this.#drainUntilMs !== null && nowMs >= this.#drainUntilMs;
  }

  /** The shard is paused for another reason: the draining begins anew when it goes on. */
  interrupt(): void {
    this.#drainUntilMs = null;
  }

  /** Not now: the shard does not come to rest. Returns after how long it is due again. */
  putOff(nowMs: number): number {
    this.#drainUntilMs = null;
    this.#fromMs = nowMs + AGAIN_AFTER_MS;
    return AGAIN_AFTER_MS;
  }

  /** The lanes are empty: what the shard goes by from now on. */
  take(): DispatchSettings | null {
    const wanted = this.#wanted;
    this.#wanted = null;
    this.#drainUntilMs = null;
    return wanted;
  }
}
