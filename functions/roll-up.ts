// functions: history's minutes become quarters of an hour before they expire.
// in: a tick, once an hour · out: the coarse blocks of each day that is old enough and not rolled up yet
import { DAY_MS, rollUp } from '../lib/history/roll-up.ts';
import { MINUTE_TIER_DAYS } from '../lib/model/demand.ts';
import { type Task, Tick, task } from './shell.ts';

/** A day is rolled up when all that comes late has come, and two days before its minutes may be gone. */
const ROLLED_UP_AT_DAYS = MINUTE_TIER_DAYS - 2;

type RolledUp =
  | { readonly kind: 'rolled-up'; readonly days: readonly number[]; readonly blocks: number }
  | { readonly kind: 'skipped'; readonly reason: string };

export const rollUpDays = {
  name: 'roll-up',
  input: Tick,
  run: async ({ streamName }, { ports, nowMs, signal }): Promise<RolledUp> => {
    const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
    const [fromMs, untilMs] = [today - MINUTE_TIER_DAYS * DAY_MS, today - (ROLLED_UP_AT_DAYS - 1) * DAY_MS];
    const done = new Set((await ports.history.readCoarse(streamName, fromMs, untilMs, signal)).map(({ startMs }) => startMs));
    const due = [];
    for (let dayMs = fromMs; dayMs < untilMs; dayMs += DAY_MS) if (!done.has(dayMs)) due.push(dayMs);
    if (due.length === 0) return { kind: 'skipped', reason: `every day before ${new Date(untilMs).toISOString()} is rolled up` };
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return { kind: 'skipped', reason: `stream ${streamName} does not exist` };
    const layout = stream.shards.filter((shard) => !shard.closed).map((shard) => shard.hashKeyRange);
    const days: number[] = [];
    let blocks = 0;
    for (const dayMs of due) {
      const coarse = rollUp(await ports.history.read(streamName, dayMs, dayMs + DAY_MS, signal), layout, dayMs);
      await ports.history.put(coarse, signal);
      if (coarse.length > 0) days.push(dayMs);
      blocks += coarse.length;
    }
    return { kind: 'rolled-up', days, blocks };
  },
} satisfies Task<typeof Tick, RolledUp>;

export const handler = task(rollUpDays);
