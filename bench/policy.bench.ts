// bench: Penumbra beside those who scale Kinesis today, on real load.
// in: --traces DIR [--operation-sec 30] [--quick] · out: for each trace and policy what was throttled, how many shards, how many operations; ratios to the best rival
//
// Two arithmetics, both printed. `penumbra` and the rivals: capacity is the number of shards and one operation adds or removes one (lib/simulate/even-stream.ts).
// `penumbraRanges`: the planner itself on true hash ranges, where a split halves one shard and the fullest shard throttles first; beside it the rivals under
// Kinesis's limits on whole streams (lib/simulate/resized-stream.ts).
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { byTheMinute, type Demand, fillingShards } from '../lib/simulate/demand.ts';
import { runEvenStream, type Sizer } from '../lib/simulate/even-stream.ts';
import { foresee } from '../lib/simulate/foresight.ts';
import { leanPolicy } from '../lib/simulate/lean-policy.ts';
import { penumbraSizer } from '../lib/simulate/penumbra-sizer.ts';
import { runResizedStream } from '../lib/simulate/resized-stream.ts';
import { kas, oracle, runOnDemand, scalingUtils, staticAtPeak, substation, tracking } from '../lib/simulate/rivals.ts';
import { runLoop } from '../lib/simulate/run-loop.ts';
import { evenLoad } from '../lib/simulate/simulated-load.ts';
import type { Outcome } from '../lib/simulate/tally.ts';
import { readTrace } from '../local/trace.ts';
import { printReport } from './report.ts';

/** The first days are history to learn from; counting begins after them. */
const HISTORY_MIN = 3 * 1440;
const SHARDS_AT_P999 = 24;
const RIVALS = ['kas', 'substation', 'tracking', 'scaling-utils', 'on-demand', 'static'] as const;
/** The same under Kinesis's limits; what needs no operation is the same. */
const RANGES_RIVALS = [
  'kasRanges',
  'substationRanges',
  'trackingRanges',
  'trackingSplits',
  'scalingUtilsRanges',
  'on-demand',
  'static',
] as const;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** The traces of a folder that are long enough and not keyed; others are named with the reason. */
const readDemands = async (folder: string): Promise<{ name: string; demand: Demand }[]> => {
  const demands: { name: string; demand: Demand }[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.csv'))
    .sort()) {
    const read = await readTrace(join(folder, file));
    const name = basename(file, '.csv');
    if (read.kind === 'refused') say(`${name}: left out, ${read.message}`);
    else if (read.trace.keys.length > 0) say(`${name}: left out, it has keys, and the rivals size whole streams`);
    else {
      const demand = byTheMinute(read.trace.total, read.trace.stepMs, read.trace.startMs);
      if (demand.minutes.length < HISTORY_MIN + 1440) say(`${name}: left out, shorter than ${(HISTORY_MIN + 1440) / 1440} days`);
      else demands.push({ name, demand: fillingShards(demand, SHARDS_AT_P999) });
    }
  }
  return demands;
};

const runTrace = (demand: Demand, operationSec: number, quick: boolean): Record<string, Outcome> => {
  const fromMinute = HISTORY_MIN;
  const startShards = Math.max(Math.ceil(demand.minutes[fromMinute]! / 0.7), 1);
  const policy = leanPolicy(operationSec);
  const options = { fromMinute, operationSec, startShards };
  const run = (sizer: Sizer) => runEvenStream(demand, sizer, options);
  const outcomes: Record<string, Outcome> = {
    penumbra: run(penumbraSizer(foresee(demand, fromMinute), fromMinute, policy, operationSec)),
    kas: run(kas()),
    substation: run(substation()),
    tracking: run(tracking()),
    'scaling-utils': run(scalingUtils()),
    'on-demand': runOnDemand(demand, fromMinute),
    static: run(staticAtPeak(demand, fromMinute)),
    oracle: run(oracle(demand)),
  };
  if (quick) return outcomes;
  const workers = Math.ceil(SHARDS_AT_P999 / 2);
  const { splits, merges, handovers, fullestWorker, actions, ...ranges } = runLoop(evenLoad(demand, fromMinute), {
    policy,
    fromMinute,
    operationSec,
    startShards,
    workers,
    shardsPerWorker: 4,
  });
  return {
    ...outcomes,
    penumbraRanges: ranges,
    kasRanges: runResizedStream(demand, kas(), options, 'update-shard-count'),
    substationRanges: runResizedStream(demand, substation(), options, 'update-shard-count'),
    trackingRanges: runResizedStream(demand, tracking(), options, 'update-shard-count'),
    trackingSplits: runResizedStream(demand, tracking(), options, 'splits-and-merges'),
    scalingUtilsRanges: runResizedStream(demand, scalingUtils(), options, 'splits-and-merges'),
  };
};

const geometricMean = (ratios: readonly number[]): number =>
  Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
const rounded = (outcome: Outcome): Outcome =>
  Object.fromEntries(Object.entries(outcome).map(([name, value]) => [name, Number(value.toPrecision(6))])) as unknown as Outcome;

const cell = ({ score, throttledShare, meanShards, operations }: Outcome): string =>
  `${score.toFixed(1)} (${(100 * throttledShare).toFixed(3)} %, ${meanShards.toFixed(1)}; ${operations})`;

const figuresOf = (policy: string, traces: readonly Record<string, Outcome>[], rivals: readonly string[] = RIVALS) => {
  const ratios = traces.map((outcomes) => outcomes[policy]!.score / Math.min(...rivals.map((rival) => outcomes[rival]!.score)));
  const operations = (of: string) => traces.reduce((sum, outcomes) => sum + outcomes[of]!.operations, 0);
  return {
    ratioToBestRival: Number(geometricMean(ratios).toFixed(3)),
    worstRatio: Number(Math.max(...ratios).toFixed(3)),
    ratioToOracle: Number(geometricMean(traces.map((outcomes) => outcomes[policy]!.score / outcomes.oracle!.score)).toFixed(3)),
    operationsToTracking: Number((operations(policy) / Math.max(operations('tracking'), 1)).toFixed(3)),
  };
};

/** Runs the bench; answers the process's exit code. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const { values: given } = parseArgs({
    args: [...options],
    options: {
      traces: { type: 'string' },
      'operation-sec': { type: 'string', default: '30' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const operationSec = Number(given['operation-sec']);
  if (given.traces === undefined || !(operationSec > 0)) {
    say(`bench policy needs --traces DIR and --operation-sec above 0, got ${options.join(' ') || 'nothing'}`);
    return 2;
  }
  const demands = await readDemands(given.traces);
  if (demands.length === 0) {
    say(`no trace in ${given.traces} could be used`);
    return 2;
  }
  const traces: Record<string, Record<string, Outcome>> = {};
  for (const { name, demand } of demands) {
    const outcomes = runTrace(demand, operationSec, given.quick);
    traces[name] = Object.fromEntries(Object.entries(outcomes).map(([policy, outcome]) => [policy, rounded(outcome)]));
    say(`${name}: score (throttled, mean shards; operations)`);
    for (const [policy, outcome] of Object.entries(outcomes)) say(`  ${policy.padEnd(15)} ${cell(outcome)}`);
  }
  const all = Object.values(traces);
  const rangesFigures = () => {
    const { ratioToBestRival, worstRatio } = figuresOf('penumbraRanges', all, RANGES_RIVALS);
    return { ...figuresOf('penumbraRanges', all), toRivalsUnderLimits: { ratioToBestRival, worstRatio } };
  };
  printReport('policy', {
    operationSec,
    traces,
    ...figuresOf('penumbra', all),
    ...(given.quick ? { ranges: null, rangesWhy: 'left out by --quick' } : { ranges: rangesFigures() }),
  });
  return 0;
};
