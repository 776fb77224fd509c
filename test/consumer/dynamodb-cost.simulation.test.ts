// What the tables cost at default settings, counted in request units by DynamoDB's own rules over a simulated fleet. The README shows the sum.
import { afterEach, describe, expect, it } from 'vitest';
import { group, fleet as startFleet } from '../support/consumer-fleet.ts';
import { meteredPorts } from '../support/metered-ports.ts';

let stopAll: () => Promise<void> = async () => {};
afterEach(() => stopAll());

/** On demand, us-east-1, November 2026, dollars per million request units. */
const PRICE = { write: 0.625, read: 0.125 };
const SECONDS_PER_MONTH = 730 * 3600;
const WARM_UP_MS = 60_000;
const COUNTED_MS = 240_000;

/** Dollars per shard and month of a fleet at rest under load, by what they are for. */
const costOf = async (workers: number, shardsPerWorker: number): Promise<Record<string, number>> => {
  const meter = meteredPorts();
  const shards = workers * shardsPerWorker;
  const started = await startFleet({
    shards,
    workers: Array.from({ length: workers }, (_, i) => `orders-worker-${i}`),
    settings: { checkpointMs: undefined, capacity: { recordsPerSec: 10_000, bytesPerSec: 10_000_000 } } as never,
    keys: 2011,
    meter,
  });
  stopAll = started.stopAll;
  await started.load(WARM_UP_MS, shards);
  meter.reset();
  await started.load(COUNTED_MS, shards);
  const perMonth = SECONDS_PER_MONTH / (COUNTED_MS / 1000) / shards / 1e6;
  expect(new Set((await started.world.leases.list(group)).map((lease) => lease.owner)).size).toBe(workers);
  return Object.fromEntries(
    Object.entries(meter.units()).map(([name, { reads, writes }]) => [
      name,
      (reads * PRICE.read + writes * PRICE.write) * perMonth,
    ]),
  );
};

describe('the cost of the tables at default settings', () => {
  it('stays below $0.50 per shard and month at ten shards a worker', async () => {
    const cost = await costOf(10, 10);
    const sum = Object.values(cost).reduce((a, b) => a + b, 0);

    expect(sum).toBeLessThan(0.5);
  }, 120_000);
});
