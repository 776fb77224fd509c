import { describe, expect, it } from 'vitest';
import { Policy } from '../../lib/model/policy.ts';
import type { Demand } from '../../lib/simulate/demand.ts';
import { runLoop } from '../../lib/simulate/run-loop.ts';
import { evenLoad } from '../../lib/simulate/simulated-load.ts';

const DAY = 1440;
/** An hour low, an hour high, all day long. */
const square = (days: number): Demand => ({
  startMs: Date.UTC(2026, 0, 5),
  minutes: Float64Array.from({ length: days * DAY }, (_, t) => (Math.floor(t / 60) % 2 === 0 ? 1 : 9) + 0.1 * Math.sin(t * 1.7)),
});
const policy = Policy.parse({
  application: 'a',
  streamName: 's',
  mode: 'act',
  reshardDurationPriorSec: 60,
  resizeDurationPriorSec: 60,
  maxReplicationFactor: 1,
  minShards: 8,
  maxShards: 40,
  mergeCooldownSec: 0,
  coldWindowMin: 5,
  maxOperationsPerHour: 200,
});
const run = (resizeSec?: number) =>
  runLoop(evenLoad(square(3), 2 * DAY), {
    policy,
    fromMinute: 2 * DAY,
    operationSec: 60,
    startShards: 8,
    workers: 2,
    shardsPerWorker: 100,
    ...(resizeSec === undefined ? {} : { resizeSec }),
  });

describe('runLoop where whole streams rise and fall', () => {
  it('never resizes more than ten times within 24 hours, whatever would be wanted', () => {
    // The simulated stream throws on the eleventh.
    const { actions, resizes } = run(60);
    const times = actions.filter(({ action }) => action.kind === 'resize').map(({ atMs }) => atMs);
    for (const from of times)
      expect(times.filter((atMs) => atMs >= from && atMs < from + 24 * 3_600_000).length).toBeLessThanOrEqual(10);
    expect(resizes).toBeGreaterThanOrEqual(5);
  });
});
