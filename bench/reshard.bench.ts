// bench reshard: shards split and merged under load; worker processes with every setting at its default. KCL beside them.
// options: --rounds N (12: each a split, and a merge of its children), --rate N records/s over 4 shards (200), --quick (2 rounds, no peer), --no-peer,
//   --peer DIR (../shared/peers/kcl), --keep (the logs), --json
// Every second round nobody is told of the change; in the others the steps of the reshard machine name the children's owners.
// childFirstRecord: from the last record of the parents at the sink to the first of each child, as peers/kcl/scripts/analyze.py takes it.
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Lease } from '../lib/model/lease.ts';
import type { LocalCloud } from '../local/cloud.ts';
import { FaultRun, until, type Verdict } from '../local/fault-run.ts';
import { percentile } from '../local/summary.ts';
import { createTables } from '../local/tables.ts';
import { kclBeside } from './kcl-beside.ts';
import { onLocalCloud, say } from './on-local-cloud.ts';
import { wholeNumber } from './options.ts';
import { printReport } from './report.ts';
import { type Change, changeBare, changeBySteps } from './reshard-change.ts';
import { troubleOf } from './shard-trouble.ts';

const SHARDS = 4;
const WORKERS = 3;
const BEGUN_WITHIN_MS = 60_000;
const CHANGED_WITHIN_MS = 60_000;
const JUDGED_WITHIN_MS = 30_000;
/** Between two changes, so that checkpoints, polls and scans meet them at different moments. */
const REST_MS = 1500;
const STEP_MS = 370;
const SPREAD_MS = 1500;

/** One split or merge. */
interface Resharded {
  readonly change: 'split' | 'merge';
  readonly by: 'nobody' | 'machine';
  /** One per child. */
  readonly firstRecordsMs: readonly number[];
}

const settle = async (run: FaultRun): Promise<void> => {
  const sinceMs = Date.now();
  let troubles: string[] = [];
  const isSettled = async () => {
    const leases = await run.leases();
    const running = run.fleet.living.map(({ workerId, status }) => ({ workerId, shards: status()?.shards ?? [] }));
    troubles = leases.flatMap(
      (lease) => troubleOf(lease.shardId, leases, running, (id) => run.ledger.lastNewAtMs(id) > sinceMs) ?? [],
    );
    return troubles.length === 0;
  };
  await until('every open shard run by one worker and moving on', CHANGED_WITHIN_MS, isSettled).catch((error: Error) => {
    throw new Error(`${error.message}; last seen: ${troubles.join('; ')}`, { cause: error });
  });
};

/** Makes one change and measures it. Returns the children, too, in order of their ranges. */
const reshard = async (
  run: FaultRun,
  change: Change,
  by: Resharded['by'],
): Promise<Resharded & { readonly children: Lease[] }> => {
  const parentIds = change.parents.map(({ shardId }) => shardId);
  const whole = (by === 'nobody' ? changeBare : changeBySteps)(run.ports, run.group, change);
  let children: Lease[] = [];
  const wanted = change.parents.length === 1 ? 2 : 1;
  const haveBegun = async () => {
    children = (await run.leases()).filter(({ parents }) => parentIds.every((id) => parents.includes(id)));
    return children.length === wanted && children.every(({ shardId }) => run.ledger.firstNewAtMs(shardId) !== null);
  };
  await Promise.all([whole, until(`records of the children of ${parentIds.join(' and ')}`, CHANGED_WITHIN_MS, haveBegun)]);
  const lastAtMs = Math.max(...parentIds.map((shardId) => run.ledger.lastNewAtMs(shardId)));
  const firstRecordsMs = children.map(({ shardId }) => (run.ledger.firstNewAtMs(shardId) ?? 0) - lastAtMs);
  await settle(run);
  const kind = wanted === 2 ? 'split' : 'merge';
  say(
    `${kind} of ${parentIds.join(' and ')} ${by === 'nobody' ? 'told to nobody' : 'by the machine’s steps'}: first records after ${firstRecordsMs.join(', ')} ms`,
  );
  const inOrder = children.sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));
  return { change: kind, by, firstRecordsMs, children: inOrder };
};

const measure = async (
  cloud: LocalCloud,
  rounds: number,
  recordsPerSec: number,
): Promise<{ all: Resharded[]; verdict: Verdict }> => {
  const tables = await createTables(new DynamoDBClient({}), 'reshard');
  const run = await FaultRun.open({ name: 'reshard', cloud, tables, shardCount: SHARDS, recordsPerSec });
  try {
    run.produce();
    const workers = await Promise.all(Array.from({ length: WORKERS }, (_, i) => run.fleet.start(`worker-${i + 1}`)));
    await run.untilShared(workers, 1, BEGUN_WITHIN_MS);
    await settle(run);
    const all: Resharded[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const by = round % 2 === 0 ? 'nobody' : 'machine';
      const open = (await run.leases()).filter(({ state }) => state === 'active');
      const parent = open[round % open.length];
      if (parent === undefined) throw new Error('no shard is open');
      const owners = [parent.owner ?? '', workers[round % WORKERS]?.workerId ?? ''];
      await sleep(REST_MS + ((round * STEP_MS) % SPREAD_MS));
      const split = await reshard(run, { operationId: `split-${round}`, parents: [parent], childOwners: owners }, by);
      await sleep(REST_MS + ((round * STEP_MS) % SPREAD_MS));
      const [lower, upper] = split.children as [Lease, Lease];
      const merge = await reshard(run, { operationId: `merge-${round}`, parents: [lower, upper], childOwners: owners }, by);
      all.push(split, merge);
    }
    return { all, verdict: await run.judge(JUDGED_WITHIN_MS) };
  } finally {
    await run.close();
  }
};

const firstRecordsOf = (all: readonly Resharded[], which: (one: Resharded) => boolean = () => true): number[] =>
  all.filter(which).flatMap(({ firstRecordsMs }) => firstRecordsMs);

/** Runs the bench; 1 when a record was lost or came out of order. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const rounds = wholeNumber(options, '--rounds', options.includes('--quick') ? 2 : 12, 1);
  const recordsPerSec = wholeNumber(options, '--rate', 200, SHARDS);
  const { all, verdict } = await onLocalCloud((cloud) => measure(cloud, rounds, recordsPerSec), options.includes('--keep'));
  const count = (change: Resharded['change']) => all.filter((one) => one.change === change).length;
  printReport('reshard', {
    splits: count('split'),
    merges: count('merge'),
    childFirstRecordMsP50: percentile(firstRecordsOf(all), 0.5),
    childFirstRecordMsP99: percentile(firstRecordsOf(all), 0.99),
    splitMsP99: percentile(
      firstRecordsOf(all, ({ change }) => change === 'split'),
      0.99,
    ),
    mergeMsP99: percentile(
      firstRecordsOf(all, ({ change }) => change === 'merge'),
      0.99,
    ),
    toldToNobodyMsP99: percentile(
      firstRecordsOf(all, ({ by }) => by === 'nobody'),
      0.99,
    ),
    byMachineMsP99: percentile(
      firstRecordsOf(all, ({ by }) => by === 'machine'),
      0.99,
    ),
    lost: verdict.lost,
    duplicated: verdict.duplicates.length,
    reordered: verdict.reordered,
    records: verdict.produced,
    recordsPerSec,
    ...(await kclBeside(options, 'c', 'a split')),
  });
  return verdict.lost + verdict.reordered > 0 ? 1 : 0;
};
