// lib/consumer: this worker's part in tuning: takes over what is kept or being tried, within the bounds of its own code, and goes back by itself when a try
// is not heard of any more.
// in: what is stored, at each look at the lease table · out: the settings that its shards go by
import type { Group } from '../model/lease.ts';
import type { OperatorSetting, SettingsInForce, Tuning, WorkerTuning } from '../model/tuning.ts';
import { settingsInForce } from '../profile/settings-in-force.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import { type ConsumerSettings, ownSettingsOf } from './options.ts';

/** Whoever changes something announces it; this is for announcements that got lost. */
const LOOK_EVERY_MS = 60_000;

export interface TuningAgentOptions {
  readonly settings: ConsumerSettings;
  readonly ports: Pick<ConsumerPorts, 'clock' | 'tuning'>;
  /** Lets the shards go by these from now on. */
  readonly apply: (settings: SettingsInForce) => void;
  readonly emit: Emit;
}

/** One worker's settings. Where its code declares no bounds it never looks. */
export class TuningAgent {
  readonly #options: TuningAgentOptions;
  readonly #own: SettingsInForce;
  readonly #group: Group;
  #inForce: SettingsInForce;
  #tuning: Tuning | null = null;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TuningAgentOptions) {
    this.#options = options;
    this.#own = ownSettingsOf(options.settings);
    this.#inForce = this.#own;
    this.#group = { application: options.settings.application, streamName: options.settings.streamName };
  }

  get #isTunable(): boolean {
    return Object.values(this.#options.settings.tuning).some((bounds) => bounds !== undefined);
  }

  get inForce(): SettingsInForce {
    return this.#inForce;
  }

  /** What the report says of it; missing where nothing may be tuned. */
  get report(): WorkerTuning | undefined {
    return this.#isTunable ? { inForce: this.#inForce, bounds: this.#options.settings.tuning } : undefined;
  }

  /** One look at what is stored: whenever something was announced, else now and then. */
  async look(isAnnounced: boolean, signal: AbortSignal): Promise<void> {
    const { clock, tuning } = this.#options.ports;
    const atMs = clock.monotonicMs();
    if (!this.#isTunable || (!isAnnounced && atMs - this.#lookedAtMs < LOOK_EVERY_MS)) return;
    this.#lookedAtMs = atMs;
    const stored = await tuning.get(this.#group, signal);
    // Two looks may overlap; what was written later counts.
    if ((stored?.revision ?? 0) >= (this.#tuning?.revision ?? 0)) this.#tuning = stored;
    this.check();
  }

  /** Without I/O: what is lent ends by this worker's own clock. */
  check(): void {
    const { ports, settings, apply, emit } = this.#options;
    const before = this.#inForce;
    const now = settingsInForce(this.#own, settings.tuning, this.#tuning, ports.clock.nowMs());
    const changed = (Object.keys(now) as OperatorSetting[]).filter((setting) => now[setting] !== before[setting]);
    if (changed.length === 0) return;
    this.#inForce = now;
    apply(now);
    for (const setting of changed)
      emit({ kind: 'setting-changed', setting, from: before[setting], to: now[setting], why: this.#why(setting) });
  }

  #why(setting: OperatorSetting): 'tried' | 'kept' | 'own' {
    const { trial, settings = {} } = this.#tuning ?? {};
    const value = this.#inForce[setting];
    if (trial?.setting === setting && trial.phase === 'watching' && trial.to === value) return 'tried';
    return settings[setting] === value ? 'kept' : 'own';
  }
}
