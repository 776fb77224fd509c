// bench/kcl-peer: KCL 3.5.1 under the same event, by peers/kcl/run.sh on emulators of its own.
// in: where the peer lies, a scenario, its settings · out: how long each moved shard stood still, or why it could not run
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { percentile } from '../local/summary.ts';

/** `a`: a worker joins. `bn`, `bl`: SIGKILL of a follower, of the leader. `c`: a split. `dn`, `dl`: SIGTERM. */
export type KclScenario = 'a' | 'bn' | 'bl' | 'c' | 'dn' | 'dl';
export type KclSettings = 'default' | 'tuned';

/** One run of the peer. `gapMs` is taken as ours: from the old worker's last record to the new one's first new; of a split, from the parent's last to each child's first. */
export interface KclRun {
  readonly scenario: KclScenario;
  readonly gapMsP50: number | null;
  readonly gapMsMax: number | null;
  readonly latencyMsP50AtRest: number | null;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
}
export type KclAnswer = { readonly kind: 'ran'; readonly run: KclRun } | { readonly kind: 'cannot'; readonly why: string };

/** What analyze.py prints, as far as it is read here. */
interface Analysis {
  readonly completed: boolean;
  readonly drained: boolean;
  readonly lost: number;
  readonly duplicates: number;
  readonly orderInversionsPerKey: number;
  readonly latencyBaseline: { readonly p50: number | null };
  readonly moves: readonly { readonly gapMs: number | null }[];
  readonly split?: { readonly kids: Readonly<Record<string, { readonly gapMs: number | null }>> };
}

/** KCL's defaults take up to three minutes to move a shard, and two to begin. */
const MOST_MS = 15 * 60_000;
const SAY_EVERY_MS = 30_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const cannot = (why: string): KclAnswer => ({ kind: 'cannot', why });

/** What is missing on this machine; null when it can run. */
const whatIsMissing = (peer: string): string | null => {
  if (!existsSync(join(peer, 'run.sh'))) return `there is no run.sh in ${peer}; name the peer's folder by --peer DIR`;
  for (const [tool, option] of [
    ['java', '-version'],
    ['mvn', '--version'],
    ['python3', '--version'],
  ] as const)
    if (spawnSync(tool, [option], { stdio: 'ignore' }).status !== 0) return `${tool} is not on PATH; KCL's worker needs it`;
  return null;
};

/** The last line of JSON on stdout, read. */
export const readAnalysis = (scenario: KclScenario, stdout: string): KclAnswer => {
  const line = stdout
    .trim()
    .split('\n')
    .findLast((each) => each.startsWith('{'));
  if (line === undefined) return cannot(`run.sh ${scenario} printed no result`);
  const analysis = JSON.parse(line) as Analysis;
  if (!analysis.completed || !analysis.drained)
    return cannot(`run.sh ${scenario} did not come to its end: completed ${analysis.completed}, drained ${analysis.drained}`);
  const measured = scenario === 'c' ? Object.values(analysis.split?.kids ?? {}) : analysis.moves;
  const gaps = measured.flatMap(({ gapMs }) => gapMs ?? []);
  return {
    kind: 'ran',
    run: {
      scenario,
      gapMsP50: percentile(gaps, 0.5),
      gapMsMax: gaps.length === 0 ? null : Math.max(...gaps),
      latencyMsP50AtRest: analysis.latencyBaseline.p50,
      lost: analysis.lost,
      duplicated: analysis.duplicates,
      reordered: analysis.orderInversionsPerKey,
    },
  };
};

/** Runs one scenario in `root`/.local/kcl, where what Maven brought stays for the next time. Everything that it starts ends with it. */
export const runKcl = async (
  root: string,
  peer: string,
  scenario: KclScenario,
  settings: KclSettings,
  say: (line: string) => void,
): Promise<KclAnswer> => {
  const missing = whatIsMissing(peer);
  if (missing !== null) return cannot(missing);
  const directory = join(root, '.local', 'kcl');
  // run.sh copies read-only files over those of the last run, and Maven writes into the folders.
  for (const folder of ['ddb', 'scripts', 'src']) await mkdir(join(directory, folder), { recursive: true });
  spawnSync('chmod', ['-R', 'u+w', directory]);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
  const child = spawn('sh', [join(peer, 'run.sh'), directory, scenario, settings], {
    cwd: root,
    env: { ...env, PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}` },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endGroup = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // The group is gone already.
    }
  };
  const endAll = () => {
    endGroup();
    process.exit(130);
  };
  process.once('exit', endGroup);
  for (const signal of SIGNALS) process.once(signal, endAll);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const began = performance.now();
  const saying = setInterval(
    () => say(`KCL ${scenario} ${settings}: ${Math.round((performance.now() - began) / 1000)} s`),
    SAY_EVERY_MS,
  );
  const late = setTimeout(endGroup, MOST_MS);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (status) => resolve(status));
  });
  clearInterval(saying);
  clearTimeout(late);
  process.off('exit', endGroup);
  for (const signal of SIGNALS) process.off(signal, endAll);
  endGroup();
  await rm(join(directory, 'runs'), { recursive: true, force: true });
  if (code === null) return cannot(`run.sh ${scenario} ${settings} took longer than ${MOST_MS / 60_000} minutes`);
  if (code !== 0)
    return cannot(`run.sh ${scenario} ${settings} ended with ${code}: ${stderr.trim().split('\n').at(-1) ?? 'it said nothing'}`);
  return readAnalysis(scenario, stdout);
};
