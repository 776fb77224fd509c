// bench/ticks: what the ticks of the forecast function compute for many shards, and what one slice of them costs from cold.
// in: [--shards N] [--ticks N] [--quick] · out: a table on stderr, one line of JSON; milliseconds of processor time
//
// Stores answer at once, from the items that DynamoDB's adapter reads and writes: the time of the network, of the SDK and of JSON from the wire is not in it. Every slice is a container
// of its own that has run for a while. `tickPer10kSeries`: the mean of ten minutes (two slots of five) after ten that nobody counts. `models` is what learning a value and forecasting
// takes of `foresee`; `all` is `read`, `foresee` and `settle`; `pack` puts forecasts and checkpoints into items.
// `cold`: 15 days of a slice of 200 shards are read and projected onto their 400 series (learning them is bench/forecast's).
import { METRICS, SHARDS_PER_SLICE } from '../functions/forecast-jobs.ts';
import { blockFromItem, blockToItem } from '../lib/adapters/aws/dynamodb-history.ts';
import { blocksByRange } from '../lib/history/blocks-by-range.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { slicesOf, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import { wholeNumber } from './options.ts';
import { printReport } from './report.ts';
import { HOUR_MS, hourOf, type Spent, START, tickWorld } from './tick-world.ts';

const DAYS = 15;
const PARTS = ['read', 'foresee', 'settle', 'pack'] as const;

/** Time of the processor, not of the clock: others run beside. */
const timed = <T>(run: () => T): [T, number] => {
  const from = process.cpuUsage();
  const answer = run();
  const { user, system } = process.cpuUsage(from);
  return [answer, (user + system) / 1000];
};

/** Runs the bench; answers its exit code. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const shards = wholeNumber(options, '--shards', options.includes('--quick') ? 200 : 1000, 1);
  const ticks = wholeNumber(options, '--ticks', 10, 1);

  const world = tickWorld(shards);
  for (let i = 0; i < 10; i++) await world.tick();
  const before: Spent = { ...world.spent };
  const each: number[] = [];
  let series = 0;
  for (let i = 0; i < ticks; i++) {
    const from = world.spent.read + world.spent.foresee + world.spent.settle;
    series = await world.tick();
    each.push(world.spent.read + world.spent.foresee + world.spent.settle - from);
  }
  const models = world.models();
  const [, modelsMs] = timed(() => {
    for (let i = 0; i < ticks; i++)
      for (const { model, newest } of models) {
        model.learn(newest);
        model.forecast();
      }
  });
  const meanOf = (part: keyof Spent): number => (world.spent[part] - before[part]) / ticks;
  const whole = (ms: number): number => Math.round(ms);
  const perTenThousand = (ms: number): number => whole((ms * 10_000) / series);

  const slice = slicesOf(WHOLE_RANGE, SHARDS_PER_SLICE);
  const items = slice.flatMap((range, i) => Array.from({ length: DAYS * 24 }, (_, of) => blockToItem(hourOf(range, i, of, 60))));
  const [blocks, readMs] = timed(() => items.map(blockFromItem));
  const [, projectMs] = timed(() => {
    const touching = blocksByRange(blocks);
    for (const range of slice)
      for (const metric of METRICS) projectSeries(touching(range), range, metric, START, START + DAYS * 24 * HOUR_MS);
  });
  const report = {
    shards,
    series,
    tickPer10kSeries: {
      ...Object.fromEntries(PARTS.map((part) => [`${part}Ms`, perTenThousand(meanOf(part))])),
      modelsMs: perTenThousand((modelsMs * series) / models.length / ticks),
      allMs: perTenThousand(meanOf('read') + meanOf('foresee') + meanOf('settle')),
      worstMs: perTenThousand(Math.max(...each)),
    },
    cold: { shards: slice.length, blocks: items.length, readMs: whole(readMs), projectMs: whole(projectMs) },
  };
  process.stderr.write(`${JSON.stringify(report, null, 2)}\n`);
  printReport('ticks', report);
  return 0;
};
