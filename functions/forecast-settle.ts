// functions: the end of a large stream's tick.
// in: what the slices have laid down · out: forecasts that agree with each other; stored and published
import { z } from 'zod';
import type { Forecast } from '../lib/model/forecast.ts';
import { chosenOf } from './forecast.ts';
import { seriesOf } from './forecast-jobs.ts';
import { settleForecasts } from './settle-forecasts.ts';
import { type Task, Tick, task } from './shell.ts';

export const SettleInput = Tick.extend({ tickMs: z.number().int(), slices: z.number().int() });

type Settled =
  | {
      readonly kind: 'settled';
      readonly series: number;
      readonly models: Readonly<Record<string, number>>;
      readonly apart: Partial<Record<Forecast['metric'], string>>;
    }
  | { readonly kind: 'skipped'; readonly reason: string };

export const forecastSettle = {
  name: 'forecast-settle',
  input: SettleInput,
  run: async ({ application, streamName, tickMs }, { ports, nowMs, signal }): Promise<Settled> => {
    const [laidDown, latest, tracks] = await Promise.all([
      ports.forecasts.slices(streamName, tickMs, signal),
      ports.forecasts.latest(streamName, signal),
      ports.tracks.read(streamName, signal),
    ]);
    if (laidDown.length === 0) return { kind: 'skipped', reason: `no slice of stream ${streamName} made a forecast` };
    const issuedBefore = new Map(latest.map((each) => [seriesOf(each), each.issuedAtMs]));
    const isNew = (each: Forecast): boolean => each.issuedAtMs > (issuedBefore.get(seriesOf(each)) ?? 0);
    const made = laidDown.filter(isNew);
    const standing = laidDown.filter((each) => !isNew(each));
    const apart = await settleForecasts({ application, streamName }, made, standing, tracks, ports, nowMs, signal);
    return { kind: 'settled', series: made.length, models: chosenOf(made), apart };
  },
} satisfies Task<typeof SettleInput, Settled>;

export const handler = task(forecastSettle);
