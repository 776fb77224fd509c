// bench failover: real worker processes killed, stopped and replaced under load on the local cloud; KCL beside them.
// options: --kills N (24: every second one with standby shadows), --rate N records/s over 4 shards (200), --quick (2 kills, no peer),
//   --no-peer, --peer DIR (../shared/peers/kcl), --json
// standstill: per moved shard, from the old worker's last record at the sink to the new one's first new record, as peers/kcl/scripts/analyze.py
// takes `gapMs`. All times of the workers are at their defaults.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Verdict } from '../local/fault-run.ts';
import { percentile } from '../local/summary.ts';
import { createTables } from '../local/tables.ts';
import { type Moved, moveByEnd, type Place, type Rolled, rollingDeploy } from './failover-runs.ts';
import { kclBeside } from './kcl-beside.ts';
import { onLocalCloud, say } from './on-local-cloud.ts';
import { wholeNumber } from './options.ts';
import { printReport } from './report.ts';

const SHARDS = 4;
/** The moments of the kills are spread over this long, in steps that have no common measure with heartbeats, polls and checkpoints. */
const SPREAD_MS = 5000;
const STEP_MS = 1234;

interface Settings {
  readonly kills: number;
  readonly sigterms: number;
  readonly rollings: number;
  readonly rate: number;
}

const settingsOf = (options: readonly string[]): Settings => {
  const isQuick = options.includes('--quick');
  return {
    kills: wholeNumber(options, '--kills', isQuick ? 2 : 24, 2),
    sigterms: isQuick ? 1 : 6,
    rollings: isQuick ? 1 : 3,
    rate: wholeNumber(options, '--rate', 200, SHARDS),
  };
};

const told = ({ lost, duplicates, reordered }: Verdict): string =>
  `lost ${lost}, duplicated ${duplicates.length}, reordered ${reordered}`;
const most = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.max(...values));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Runs every event in turn on one cloud. */
const measure = async (place: Place, settings: Settings) => {
  const kills: (Moved & { readonly withShadow: boolean })[] = [];
  for (let i = 0; i < settings.kills; i += 1) {
    const withShadow = i % 2 === 0;
    const afterMs = (i * STEP_MS) % SPREAD_MS;
    const moved = await moveByEnd(place, `kill-${i}`, { signal: 'SIGKILL', withShadow, afterMs });
    kills.push({ ...moved, withShadow });
    say(
      `SIGKILL ${i + 1}/${settings.kills} ${withShadow ? 'with shadows' : 'cold'}: stood still ${moved.standstillsMs.join(', ')} ms; ${told(moved.verdict)}; first record ${moved.startMs} ms after the start, ${moved.loadMs} of them to load`,
    );
  }
  const sigterms: Moved[] = [];
  for (let i = 0; i < settings.sigterms; i += 1) {
    const afterMs = (i * STEP_MS) % SPREAD_MS;
    const moved = await moveByEnd(place, `sigterm-${i}`, { signal: 'SIGTERM', withShadow: i % 2 === 1, afterMs });
    sigterms.push(moved);
    say(`SIGTERM ${i + 1}/${settings.sigterms}: stood still ${moved.standstillsMs.join(', ')} ms; ${told(moved.verdict)}`);
  }
  const rollings: Rolled[] = [];
  for (let i = 0; i < settings.rollings; i += 1) {
    const rolled = await rollingDeploy(place, `rolling-${i}`);
    rollings.push(rolled);
    say(
      `rolling deploy ${i + 1}/${settings.rollings}: latest record ${rolled.latenessMsMax} ms after its put (${rolled.latencyMsAtRest} ms at rest); ${told(rolled.verdict)}`,
    );
  }
  return { kills, sigterms, rollings };
};

const fieldsOf = ({ kills, sigterms, rollings }: Awaited<ReturnType<typeof measure>>) => {
  const standstills = (withShadow: boolean) =>
    kills.filter((kill) => kill.withShadow === withShadow).flatMap(({ standstillsMs }) => standstillsMs);
  const all = [...kills, ...sigterms, ...rollings];
  return {
    kills: kills.length,
    withShadowMsP50: percentile(standstills(true), 0.5),
    withShadowMsP99: percentile(standstills(true), 0.99),
    coldMsP50: percentile(standstills(false), 0.5),
    coldMsP99: percentile(standstills(false), 0.99),
    lost: sum(all.map(({ verdict }) => verdict.lost)),
    duplicatedMax: most(kills.map(({ verdict }) => verdict.duplicates.length)),
    reordered: sum(all.map(({ verdict }) => verdict.reordered)),
    unexplainedDuplicates: sum(all.map(({ verdict }) => verdict.unexplained.length)),
    startMs: most(all.map(({ startMs }) => startMs)),
    startMsP50: percentile(
      all.map(({ startMs }) => startMs),
      0.5,
    ),
    loadMsP50: percentile(
      all.map(({ loadMs }) => loadMs),
      0.5,
    ),
    sigtermMs: most(sigterms.flatMap(({ standstillsMs }) => standstillsMs)),
    sigtermDuplicated: sum(sigterms.map(({ verdict }) => verdict.duplicates.length)),
    rolling: {
      deploys: rollings.length,
      latenessMsMax: most(rollings.map(({ latenessMsMax }) => latenessMsMax)),
      lost: sum(rollings.map(({ verdict }) => verdict.lost)),
      duplicated: sum(rollings.map(({ verdict }) => verdict.duplicates.length)),
      reordered: sum(rollings.map(({ verdict }) => verdict.reordered)),
    },
  };
};

/** Runs the bench; 1 when a record was lost or came out of order. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const settings = settingsOf(options);
  const fields = await onLocalCloud(async (cloud) => {
    const tables = await createTables(new DynamoDBClient({}), 'failover');
    return fieldsOf(await measure({ cloud, tables, shardCount: SHARDS, recordsPerSec: settings.rate }, settings));
  });
  const peer = await kclBeside(options, 'bn', 'SIGKILL of a follower');
  printReport('failover', { ...fields, shards: SHARDS, recordsPerSec: settings.rate, ...peer });
  return fields.lost + fields.reordered > 0 ? 1 : 0;
};
