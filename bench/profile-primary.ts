// bench/profile-primary: what a profiling shadow costs the owner of the shard that it profiles.
// in: pairs, the share · out: percent more CPU for a record while a run is live than while none is, and how sure that is
//
// CPU, not time, is compared: the machine may be crowded. Each stretch has a process of its own, since what earlier ones left on the heap would cost the later
// ones more than what is measured; the two of a pair take turns in being first.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const stretch = async (how: 'with' | 'without', share: number): Promise<number> => {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'profile-owner.ts'), how, String(share)]);
  return Number(stdout);
};

/** The median of the pairs in percent, below zero where chance outweighs it, and the quarters of the pairs around it. */
export const primaryOverhead = async (
  pairs: number,
  share: number,
): Promise<{ readonly median: number; readonly quartiles: readonly [number, number] }> => {
  const percents: number[] = [];
  for (let i = 0; i < pairs; i++) {
    const order = i % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const);
    const taken = { with: 0, without: 0 };
    for (const how of order) taken[how] = await stretch(how, share);
    percents.push(100 * (taken.with / taken.without - 1));
  }
  percents.sort((a, b) => a - b);
  const at = (part: number): number => percents[Math.min(Math.floor(percents.length * part), percents.length - 1)] ?? Number.NaN;
  return { median: at(0.5), quartiles: [at(0.25), at(0.75)] };
};
