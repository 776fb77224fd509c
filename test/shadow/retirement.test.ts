// After a handover the old owner gives everything back: handovers there and back, in a process of their own that looks into itself.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

interface Look {
  readonly heapBytes: number;
  readonly records: number;
  readonly objects: Record<string, number>;
  readonly collections: Record<'a' | 'b', Record<string, number>>;
  readonly listeners: number;
  readonly subscriptions: number;
  readonly consumers: readonly string[];
  readonly sleeping: number;
  readonly handles: number;
  readonly owner: string;
  readonly isInTransit: boolean;
  readonly lease: readonly string[];
  readonly epoch: number;
  readonly outOfTurn: number;
  readonly unprocessed: number;
  readonly abandoned: number;
}
interface Run {
  readonly begin: Look;
  readonly first: Look;
  readonly second: Look;
  readonly perRecord: number;
}

const FIRST_LOOK = 100;
/** What compiled code and the collector make of it by themselves; a thousand forgotten feeds, owners or buffers come to more. */
const NOISE_BYTES = 2 * 1024 * 1024;

const run = async (retrieval: string, handovers: number): Promise<Run> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    '--no-warnings',
    fileURLToPath(new URL('retirement-run.ts', import.meta.url)),
    retrieval,
    String(handovers),
    String(FIRST_LOOK),
  ]);
  return JSON.parse(stdout) as Run;
};

describe('handovers there and back', () => {
  // The default way of reading in full length; owners that subscribe keep the shadow's feed, so that they have more to forget.
  for (const [retrieval, handovers, consumers, subscriptions] of [
    ['fan-out-for-shadows', 1000, ['penumbra-app-0'], 0],
    ['fan-out', 300, ['penumbra-app-0', 'penumbra-app-1'], 1],
  ] as const)
    it(`leave nothing behind after ${handovers}: heap, objects, listeners, timers, subscriptions, consumers, attributes; read by ${retrieval}`, async () => {
      const { begin, first, second, perRecord } = await run(retrieval, handovers);
      expect(second.epoch - first.epoch).toBe(handovers - FIRST_LOOK);
      for (const look of [begin, first, second])
        expect(look).toMatchObject({ outOfTurn: 0, unprocessed: 0, abandoned: 0, isInTransit: false, owner: 'a' });

      for (const look of [first, second]) {
        expect(look.lease).toEqual(begin.lease);
        expect(look.consumers).toEqual(consumers);
        expect(look.subscriptions).toBe(subscriptions);
        expect(look.listeners).toBe(begin.listeners);
        expect(look.sleeping).toBe(begin.sleeping);
        expect(look.handles).toBe(begin.handles);
      }
      // One more or less of each may still hang on the last subscription of each consumer, in the reader in memory.
      for (const [name, count] of Object.entries(second.objects))
        expect([name, Math.max(0, count - (first.objects[name] ?? 0) - 20)]).toEqual([name, 0]);
      expect(second.objects.ShardOwner).toBeLessThanOrEqual(3);
      expect(second.objects.ShadowBuffer).toBeLessThanOrEqual(3);

      // Maps, sets and lists within both workers, private ones included, by where they are.
      for (const worker of ['a', 'b'] as const) {
        const grown = Object.entries(second.collections[worker]).filter(
          ([path, size]) => !OF_ONE_WINDOW.test(path) && size > (first.collections[worker][path] ?? 0) + 20,
        );
        expect(Object.keys(second.collections[worker]).length).toBeGreaterThan(20);
        expect(grown).toEqual([]);
        expect(second.collections[worker]['Consumer.#agent.#handovers.#known']).toBe(0);
      }

      const growth = second.heapBytes - first.heapBytes - perRecord * (second.records - first.records);
      expect(growth).toBeLessThan(NOISE_BYTES);
    }, 120_000);
});

/** The records that were handed over or dispatched last, which come and go with the owner. */
const OF_ONE_WINDOW = /\.(?:#window|#options\.handed)\./;
