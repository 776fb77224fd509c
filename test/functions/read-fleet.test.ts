import { describe, expect, it } from 'vitest';
import { readFleet } from '../../functions/read-fleet.ts';
import { MINUTE_MS } from '../../lib/model/demand.ts';
import { Policy } from '../../lib/model/policy.ts';
import { group, lease, NOW, worker, world } from './scenes.ts';

const MINUTE = Math.floor(NOW / MINUTE_MS) * MINUTE_MS;
const MINUTES = 60;

/** Two neighbours with these records a minute over the last hour. */
const fleetOf = async (lower: (minute: number) => number | null, upper: (minute: number) => number | null) => {
  const { ports } = world();
  const { shards } = ports.streams.createStream(group.streamName, 2);
  for (const shard of shards) await ports.leases.create(lease(shard));
  await ports.workers.put(worker('a'));
  await ports.history.put(
    [lower, upper].map((at, i) => {
      const records = Array.from({ length: MINUTES }, (_, minute) => at(minute));
      return {
        streamName: group.streamName,
        hashKeyRange: shards[i]!.hashKeyRange,
        startMs: MINUTE - MINUTES * MINUTE_MS,
        records,
        bytes: records.map((value) => value && value * 100),
        censored: records.map(() => false),
        sliceShares: new Array<number>(16).fill(1 / 16),
      };
    }),
  );
  const fleet = await readFleet(group, Policy.parse(group), ports, NOW);
  return fleet!.spreads.map(({ withNext }) => withNext);
};
const wave = (minute: number) => 600 + 300 * Math.sin(minute / 4);

describe('readFleet', () => {
  it('tells how neighbours go together, and their highest minute together', async () => {
    const [together, none] = await fleetOf(wave, wave);
    expect(none).toBeUndefined();
    expect(together?.correlation).toBeCloseTo(1, 6);
    expect(together?.samples).toBe(11);
    const [opposed] = await fleetOf(wave, (minute) => 1200 - wave(minute));
    expect(opposed?.correlation).toBeCloseTo(-1, 6);
    // 1,200 a minute at every minute, though each alone reached nearly 900.
    expect(opposed?.recentPeak?.recordsPerSec).toBeCloseTo(20, 6);
    const [apart] = await fleetOf(wave, (minute) => 600 + 300 * Math.sin(minute / 4 + Math.PI / 2));
    expect(Math.abs(apart!.correlation)).toBeLessThan(0.4);
  });

  it('says nothing of neighbours that stand still or are hardly known', async () => {
    expect(await fleetOf(wave, () => 600)).toEqual([undefined, undefined]);
    expect(await fleetOf(wave, (minute) => (minute < 45 ? null : wave(minute)))).toEqual([undefined, undefined]);
  });
});
