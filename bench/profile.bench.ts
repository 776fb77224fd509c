// bench profile: processors whose bottleneck is known, each really run in a profiling shadow: is it found? And what does a shadow cost the shard's owner?
// in: --quick (each case once, shorter), --share 0.1 · out: see ../shared/bench.md; each run in `runs`
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { textAfter } from './options.ts';
import { CASES } from './profile-cases.ts';
import { primaryOverhead } from './profile-primary.ts';
import { printReport } from './report.ts';

interface Run {
  readonly case: string;
  readonly limit: string | null;
  readonly limitTrue: string;
  readonly capacity: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly capacityTrue: number;
  readonly skewErrorPoints: number;
  readonly sampledShare: number;
  readonly records: number;
  readonly reason: string;
}

/** One run in a process of its own, so that none sees another's heap. */
const hosted = (name: string, seed: number, seconds: number, share: number): Promise<Run> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'profile-host.ts'), name, String(seed), String(seconds), String(share)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve(JSON.parse(told.trim().split('\n').at(-1) ?? '') as Run)
        : reject(new Error(`${name} ended with code ${code}`)),
    );
  });

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Runs the bench. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const quick = options.includes('--quick');
  const share = Number(textAfter(options, '--share') ?? '0.1');
  if (!(share > 0 && share <= 1)) {
    process.stderr.write(`--share must be in (0, 1], got ${textAfter(options, '--share')}\n`);
    return 2;
  }
  const [repeats, seconds] = quick ? [1, 6] : [4, 15];
  /** A leak is told between two collections of the whole heap, which come every few seconds. */
  const leakSeconds = quick ? 12 : 30;
  const runs: Run[] = [];
  for (let seed = 1; seed <= repeats; seed++)
    for (const name of CASES) {
      const run = await hosted(name, seed, name === 'leak' ? leakSeconds : seconds, share);
      runs.push(run);
      const right = run.limit === run.limitTrue ? 'right' : `WRONG, true is ${run.limitTrue}`;
      process.stderr.write(
        `${name} ${seed}: limit ${run.limit} (${right}); ${run.capacity?.toFixed(0)} records/s (${run.low?.toFixed(0)} to ${run.high?.toFixed(0)}), true ${run.capacityTrue.toFixed(0)}; skew off by ${run.skewErrorPoints.toFixed(2)} points; ${run.records} records sampled\n`,
      );
    }
  const overhead = await primaryOverhead(quick ? 3 : 48, share);
  process.stderr.write(
    `the owner's CPU for a record, with a shadow beside without: ${overhead.median.toFixed(2)} % (half of the pairs from ${overhead.quartiles[0].toFixed(2)} to ${overhead.quartiles[1].toFixed(2)} %)\n`,
  );
  const errors = runs.map(({ capacity, capacityTrue }) => (100 * Math.abs((capacity ?? 0) - capacityTrue)) / capacityTrue);
  printReport('profile', {
    cases: runs.length,
    capacityErrorPctMax: rounded(Math.max(...errors), 1),
    limitRight: runs.filter(({ limit, limitTrue }) => limit === limitTrue).length,
    skewErrorPointsMax: rounded(Math.max(...runs.map(({ skewErrorPoints }) => skewErrorPoints)), 2),
    primaryOverheadPct: rounded(overhead.median, 2),
    primaryOverheadQuartiles: overhead.quartiles.map((each) => rounded(each, 2)),
    share,
    runs: runs.map(({ reason: _, ...run }) => run),
  });
  return 0;
};
