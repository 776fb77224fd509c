// bench faults: real worker processes, the deployed handover machine, and in every state of a handover every fault of every party.
// options: --quick (one kind per state), --lanes N (2: scenes side by side), --only TEXT (cases whose name holds it),
//   --keep (the logs), --json
// standstill: the longest time between two records of the shard that the sink had not seen before, from the one before the fault until all is settled.
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import type { LocalCloud } from '../local/cloud.ts';
import { deploy } from '../local/deploy.ts';
import type { Verdict } from '../local/fault-run.ts';
import { createStream } from '../local/stream.ts';
import { percentile } from '../local/summary.ts';
import type { TableNames } from '../local/tables.ts';
import { type FaultCase, faultCases } from './fault-cases.ts';
import { type FaultOutcome, FaultScene } from './fault-scene.ts';
import { HeldMachines } from './held-machine.ts';
import { onLocalCloud, say } from './on-local-cloud.ts';
import { textAfter, wholeNumber } from './options.ts';
import { printReport } from './report.ts';

const deployedGroup = { application: 'faults', streamName: 'faults' };
const NO_TABLES = { leaseTable: '-', workerTable: '-', demandTable: '-', controlTable: '-' };
const SHARDS = 4;
const RECORDS_PER_SEC_AND_SHARD = 12;
/** Source, target, a third, and one whose place a new process takes while the next case begins. */
const WORKERS = 4;
const LEAST_WORKERS = 3;
/** Cases that disturb no other shard. */
const AT_ONCE = 4;
const MOST_TOLD = 10;
const JUDGED_WITHIN_MS = 30_000;

const nameOf = ({ state, party, kind }: FaultCase): string => `${state} × ${party} × ${kind}`;

interface Place {
  readonly cloud: LocalCloud;
  readonly tables: TableNames;
  readonly machines: HeldMachines;
}
interface Played {
  readonly outcomes: readonly (FaultOutcome & { readonly stuck: string | null })[];
  readonly verdicts: readonly Verdict[];
}

const told = (outcome: FaultOutcome): string =>
  `${nameOf(outcome.fault).padEnd(44)} ${outcome.end.padEnd(20)} ${String(outcome.standstillMs).padStart(6)} ms${outcome.missed > 0 ? `, state missed ${outcome.missed} times before` : ''}${outcome.trouble === null ? '' : `; NOT settled: ${outcome.trouble}`}${outcome.reordered > 0 ? `; ${outcome.reordered} OUT OF ORDER` : ''}`;

const tableOf = (outcomes: Played['outcomes']): string =>
  [...outcomes].map((outcome) => `  ${told(outcome)}${outcome.stuck === null ? '' : `; STUCK: ${outcome.stuck}`}`).join('\n');

/** Plays cases on a scene of its own, so many at once, and judges it. */
const play = async (
  place: Place,
  name: string,
  queue: FaultCase[],
  { shardCount, workers, atOnce }: { readonly shardCount: number; readonly workers: number; readonly atOnce: number },
): Promise<Played> => {
  const { cloud, tables, machines } = place;
  const recordsPerSec = shardCount * RECORDS_PER_SEC_AND_SHARD;
  const scene = await FaultScene.open({ name, cloud, tables, shardCount, recordsPerSec, workers }, machines);
  try {
    const outcomes: FaultOutcome[] = [];
    const player = async () => {
      for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
        const outcome = await scene.play(fault);
        outcomes.push(outcome);
        say(`${name}, ${queue.length} left: ${told(outcome)}`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, player));
    const over = await Promise.all(outcomes.map(async (outcome) => ({ ...outcome, stuck: await outcome.over })));
    return { outcomes: over, verdicts: [await scene.run.judge(JUDGED_WITHIN_MS)] };
  } finally {
    await scene.run.close();
  }
};

const fieldsOf = ({ outcomes, verdicts }: Played) => {
  const distinct = (values: readonly string[]) => [...new Set(values)];
  const sum = (pick: (verdict: Verdict) => number) => verdicts.reduce((total, verdict) => total + pick(verdict), 0);
  const standstills = outcomes.map(({ standstillMs }) => standstillMs);
  return {
    cases: outcomes.length,
    states: distinct(outcomes.map(({ fault }) => fault.state)),
    parties: distinct(outcomes.map(({ fault }) => fault.party)),
    kinds: distinct(outcomes.map(({ fault }) => fault.kind)),
    lost: sum(({ lost }) => lost),
    reordered: sum(({ reordered }) => reordered),
    withoutOneOwner: outcomes.filter(({ trouble, stuck }) => trouble !== null || stuck !== null).length,
    standstillMsP50: percentile(standstills, 0.5),
    standstillMsP99: percentile(standstills, 0.99),
    standstillMsMax: Math.max(...standstills),
    unexplainedDuplicates: sum(({ unexplained }) => unexplained.length),
    duplicated: sum(({ duplicates }) => duplicates.length),
    refusedByFence: sum(({ fenced }) => fenced),
    statesMissed: outcomes.reduce((total, { missed }) => total + missed, 0),
    records: sum(({ produced }) => produced),
  };
};

/** Runs the bench; 1 when a record was lost or came out of order, or a shard was left without exactly one owner. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const lanes = wholeNumber(options, '--lanes', 2, 1);
  const only = textAfter(options, '--only') ?? '';
  const cases = faultCases(options.includes('--quick'));
  const [alone, together] = [cases.alone, cases.together].map((all) => all.filter((fault) => nameOf(fault).includes(only)));
  if (alone === undefined || together === undefined || alone.length + together.length === 0)
    throw new RangeError(`--only must be part of a case's name like "preparing × source × killed", got ${only}`);
  const played = await onLocalCloud(async (cloud, directory) => {
    await createStream(cloud.kinesisEndpoint, awsPorts(NO_TABLES).control, deployedGroup.streamName, 1);
    say('deploying');
    const deployed = await deploy({
      cloud,
      directory,
      ...deployedGroup,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    const machines = new HeldMachines(deployed.handoverMachineArn, deployed.tables.leaseTable);
    const place: Place = { cloud, tables: deployed.tables, machines };
    say(`${alone.length + together.length} cases`);
    const queue = [...alone];
    const parts: Played[] = [];
    if (alone.length > 0) {
      const playing = Array.from({ length: Math.min(lanes, alone.length) }, (_, i) =>
        play(place, `lane-${i + 1}`, queue, { shardCount: SHARDS, workers: WORKERS, atOnce: 1 }),
      );
      parts.push(...(await Promise.all(playing)));
    }
    if (together.length > 0) {
      const shardCount = Math.max(together.length, SHARDS);
      parts.push(await play(place, 'together', [...together], { shardCount, workers: LEAST_WORKERS, atOnce: AT_ONCE }));
    }
    return { outcomes: parts.flatMap(({ outcomes }) => outcomes), verdicts: parts.flatMap(({ verdicts }) => verdicts) };
  }, options.includes('--keep'));
  console.error(tableOf(played.outcomes));
  for (const { unexplained } of played.verdicts)
    for (const { shardId, sequenceNumber, workerId, epoch, first } of unexplained.slice(0, MOST_TOLD))
      console.error(
        `  ${shardId} ${sequenceNumber}: by ${workerId} under ${epoch} after ${first.workerId} under ${first.epoch}, without a reason`,
      );
  const fields = fieldsOf(played);
  printReport('faults', fields);
  return fields.lost + fields.reordered + fields.withoutOneOwner > 0 ? 1 : 0;
};
