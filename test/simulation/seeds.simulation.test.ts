// Real consumers on ports in memory, a clock that is told how late it is, and a network that fails: thousands of short lives, each from one number.
//
// PENUMBRA_SEEDS=N      so many seeds (default 10,000)
// PENUMBRA_SEED=N       this seed alone, with everything that happened: PENUMBRA_SEED=4711 npx vitest run --project unit test/simulation
import { describe, expect, it } from 'vitest';
import { runSeed, type SeedResult } from './run-seed.ts';
import { sabotages } from './sabotages.ts';

const SEEDS = Number(process.env.PENUMBRA_SEEDS ?? 10_000);
const ALONE = process.env.PENUMBRA_SEED;
const MOST_SHOWN = 5;
const MINUTE_MS = 60_000;

const say = (line: string) => process.stderr.write(`simulation: ${line}\n`);
const replayOf = (seed: number) => `PENUMBRA_SEED=${seed} npx vitest run --project unit test/simulation`;
const storyOf = ({ seed, done, wrong }: SeedResult) =>
  `seed ${seed} (${done.join(', ')}): ${wrong.slice(0, 3).join('; ')}\n  ${replayOf(seed)}`;

describe.skipIf(ALONE === undefined)('runSeed, one seed', () => {
  it(`replays seed ${ALONE}`, async () => {
    const result = await runSeed(Number(ALONE), { keepLog: true });
    for (const line of result.log) say(line);
    say(`${result.digest}: ${result.wrong.length === 0 ? 'nothing wrong' : result.wrong.join('\n')}`);
    expect(result.wrong).toEqual([]);
  });
});

describe.skipIf(ALONE !== undefined)('runSeed', () => {
  it(
    `loses nothing, disorders nothing, repeats only what a lost owner had not published, and ends with one owner each, for every one of ${SEEDS} seeds`,
    async () => {
      const sums = { effects: 0, repeated: 0, refused: 0, moved: 0, takenOver: 0, simulatedMs: 0 };
      const failed: SeedResult[] = [];
      const beganAt = performance.now();
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const result = await runSeed(seed);
        for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += result[key];
        if (result.wrong.length === 0) continue;
        failed.push(result);
        if (failed.length <= MOST_SHOWN) say(storyOf(result));
      }
      const { effects, repeated, refused, moved, takenOver, simulatedMs } = sums;
      say(
        `${SEEDS} seeds, ${failed.length} failed, ${(simulatedMs / 1000).toFixed(0)} simulated s in ${((performance.now() - beganAt) / 1000).toFixed(0)} s: ` +
          `${effects} effects, lost 0, repeated ${repeated} after ${takenOver} take-overs, ${moved} handovers, ${refused} late effects refused by the sink`,
      );
      expect(failed.map(storyOf)).toEqual([]);
      expect(effects).toBeGreaterThan(SEEDS);
      if (SEEDS >= 100) {
        expect(moved).toBeGreaterThan(SEEDS / 10);
        expect(takenOver).toBeGreaterThan(SEEDS / 10);
      }
    },
    30 * MINUTE_MS,
  );

  it(
    'does exactly the same again for the same seed',
    async () => {
      for (let seed = 1; seed <= 25; seed += 1) {
        const [first, again] = [await runSeed(seed, { keepLog: true }), await runSeed(seed, { keepLog: true })];
        expect(again.log).toEqual(first.log);
        expect(again.digest).toBe(first.digest);
      }
    },
    MINUTE_MS,
  );

  it(
    'does something else for another seed',
    async () => {
      const digests = new Set<string>();
      for (let seed = 1; seed <= 10; seed += 1) digests.add((await runSeed(seed)).digest);
      expect(digests.size).toBe(10);
    },
    MINUTE_MS,
  );

  for (const { name, options, withinSeeds } of sabotages) {
    it(
      `finds within ${withinSeeds} seeds a consumer that ${name}`,
      async () => {
        let found: SeedResult | null = null;
        for (let seed = 1; seed <= withinSeeds && found === null; seed += 1) {
          const result = await runSeed(seed, options);
          if (result.wrong.length > 0) found = result;
        }
        say(`a consumer that ${name}: ${found === null ? 'not found' : `found with seed ${found.seed}: ${found.wrong[0]}`}`);
        expect(found?.wrong[0]).toBeDefined();
      },
      5 * MINUTE_MS,
    );
  }
});
