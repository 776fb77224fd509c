// lib/simulate: Penumbra where only the number of shards matters: the forecast room and the plan room's sizing, as they are.
// in: forecasts of every minute, a policy · out: the size that it wants
import type { ModelForecast } from '../forecast/model.ts';
import type { Policy } from '../model/policy.ts';
import { sizeStream } from '../plan/size-stream.ts';
import type { Sizer } from './even-stream.ts';
import { HORIZONS_MIN } from './foresight.ts';

const TICK_SEC = 60;

/** The bound within so many seconds, between two horizons on a straight line; past the last horizon it is the last one's. */
export const boundOf = (bounds: readonly number[], seconds: number): number => {
  const minutes = seconds / 60;
  const i = HORIZONS_MIN.findIndex((horizon) => horizon >= minutes);
  if (i === -1) return bounds.at(-1) ?? 0;
  if (i === 0) return bounds[0] ?? 0;
  const share = (minutes - HORIZONS_MIN[i - 1]!) / (HORIZONS_MIN[i]! - HORIZONS_MIN[i - 1]!);
  return bounds[i - 1]! + share * (bounds[i]! - bounds[i - 1]!);
};

/**
 * Sizes a stream as Penumbra does; `forecasts[0]` is that of `fromMinute`. `operationSec` is what feedback would have measured. It begins no more
 * operations than end before its next look, so that every tick decides anew.
 */
export const penumbraSizer = (
  forecasts: readonly ModelForecast[],
  fromMinute: number,
  policy: Policy,
  operationSec: number,
): Sizer => {
  const most = Math.max(Math.floor(TICK_SEC / operationSec), 1);
  return ({ minute, shards, ago }) => {
    const rows = forecasts[minute - fromMinute]?.windowMaxQuantiles ?? [];
    const now = ago(1);
    const aheadWithin = (seconds: number) => ({
      quantiles: rows.map((bounds) => boundOf(bounds, seconds)),
      now,
    });
    const sizing = sizeStream({ shards, aheadWithin }, policy, { reshardSec: operationSec });
    return sizing.kind === 'hold' ? shards : Math.min(Math.max(sizing.to, shards - most), shards + most);
  };
};
