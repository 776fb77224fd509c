// lib/profile: which values a worker runs with.
// in: what was tuned, what the worker's own code says and allows · out: one value for each setting
import type { OperatorSetting, SettingsInForce, Tuning, TuningBounds } from '../model/tuning.ts';

const isWithin = (value: number, bounds: { from: number; to: number } | undefined): boolean =>
  bounds !== undefined && bounds.from <= value && value <= bounds.to;

/** The value of a setting that the tuning asks for: what is tried on the primary, for as long as it is lent, else what was kept. */
const wantedOf = ({ trial, settings }: Tuning, setting: OperatorSetting, nowMs: number): number | undefined =>
  trial?.setting === setting && trial.phase === 'watching' && nowMs < trial.deadlineMs ? trial.to : settings[setting];

/** A value outside the bounds that the worker's own code declares is not taken: the worker then runs with its own. */
export const settingsInForce = (
  own: SettingsInForce,
  bounds: TuningBounds,
  tuning: Tuning | null,
  nowMs: number,
): SettingsInForce => {
  const chosen = (setting: OperatorSetting): number => {
    const wanted = tuning === null ? undefined : wantedOf(tuning, setting, nowMs);
    return wanted !== undefined && isWithin(wanted, bounds[setting]) ? wanted : own[setting];
  };
  return {
    maxBatchRecords: chosen('maxBatchRecords'),
    concurrencyPerShard: chosen('concurrencyPerShard'),
    checkpointMs: chosen('checkpointMs'),
    maxBufferBytes: chosen('maxBufferBytes'),
  };
};

/** What policy and workers allow together; a setting that one of them does not name may not be changed. */
export const boundsOfAll = (all: readonly TuningBounds[]): TuningBounds => {
  const both = (a: TuningBounds, b: TuningBounds): TuningBounds =>
    Object.fromEntries(
      Object.entries(a).flatMap(([setting, one]) => {
        const other = b[setting as OperatorSetting];
        if (one === undefined || other === undefined) return [];
        const bounds = { from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) };
        return bounds.from <= bounds.to ? [[setting, bounds]] : [];
      }),
    );
  return all.length === 0 ? {} : all.reduce(both);
};
