// bin/simulate: the sub-command that shows, before anyone trusts it, what Penumbra would have done on real load, beside its rivals.
// in: a trace file, perhaps a policy · out: a table or JSON on stdout, progress on stderr, perhaps an HTML report
import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { PoisonError } from '../lib/errors.ts';
import { compare, type Run } from '../lib/simulate/compare.ts';
import { byTheMinute, type Demand, fillingShards } from '../lib/simulate/demand.ts';
import { leanPolicy } from '../lib/simulate/lean-policy.ts';
import { htmlReport } from '../lib/simulate/report.ts';
import type { KeyDemand } from '../lib/simulate/simulated-load.ts';
import { readTrace, type Trace } from '../local/trace.ts';
import { refuse } from './ask.ts';
import { type Checked, ok, refused } from './checked.ts';
import { readPolicy } from './policy.ts';
import { columns, type PolicyBody } from './tables.ts';

const DAY_MIN = 1440;
const HISTORY_MIN = 3 * DAY_MIN;
/** A keyed trace is forecast range by range, which takes its time. */
const KEYED_DAYS = 3;

interface Given {
  readonly trace: string;
  readonly policy?: string;
  readonly html?: string;
  readonly shards: string;
  readonly operationSec: string;
  readonly days?: string;
  readonly json?: true;
}

/** The simulator carries out what the policy would only show. */
const simulated = (read: PolicyBody) => ok({ application: 'simulated', streamName: 'simulated', ...read, mode: 'act' });

/** Adds `simulate` to the command line. */
export const addSimulate = (program: Command): void => {
  program
    .command('simulate')
    .description('Penumbra and its rivals on a trace: what is throttled, what it costs, how often it operates')
    .requiredOption('--trace <file>', 'CSV timestamp,value or timestamp,key,count; the first three days are history')
    .option(
      '--policy <file>',
      'JSON of a policy; what it leaves out takes its default (default: sized by the costs of the score)',
    )
    .option('--html <file>', 'also write the report with the pictures')
    .option('--shards <count>', 'scale the load so that its 99.9th percentile fills so many shards', '24')
    .option('--operation-sec <seconds>', 'how long one split or merge takes', '30')
    .option('--days <count>', `count only the last days (default: all; ${KEYED_DAYS} for a trace with keys)`)
    .option('--json', 'the outcomes as JSON')
    .allowExcessArguments(false)
    .action(simulate);
};

const positive = (name: string, text: string): Checked<number> => {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? ok(value) : refused(`${name} must be a number above 0, got ${text}`);
};

const simulate = async (given: Given): Promise<void> => {
  const shards = positive('--shards', given.shards);
  const operationSec = positive('--operation-sec', given.operationSec);
  const days = given.days === undefined ? ok(undefined) : positive('--days', given.days);
  for (const checked of [shards, operationSec, days]) if (checked.kind === 'refused') return refuse(checked.message);
  if (shards.kind === 'refused' || operationSec.kind === 'refused' || days.kind === 'refused') return;
  const policy = given.policy === undefined ? ok(leanPolicy(operationSec.value)) : await readPolicy(given.policy, simulated);
  if (policy.kind === 'refused') return refuse(policy.message);
  const read = await readTrace(given.trace);
  if (read.kind === 'refused') return refuse(read.message);
  const scene = sceneOf(read.trace, shards.value, days.value);
  if (scene.kind === 'refused') return refuse(`${given.trace}: ${scene.message}`);
  const { demand, keys, fromMinute } = scene.value;

  const unwritable = given.html === undefined ? null : await whyUnwritable(given.html);
  if (unwritable !== null) return refuse(`--html ${given.html}: cannot be written (${unwritable})`);
  const runs = compare(
    { demand, keys, policy: policy.value, fromMinute, operationSec: operationSec.value },
    (name) => void process.stderr.write(`${name} …\n`),
  );
  const minutes = demand.minutes.length - fromMinute;
  const note = `${(minutes / DAY_MIN).toFixed(1)} days counted after ${(fromMinute / DAY_MIN).toFixed(1)} days of history; load scaled so that its 99.9th percentile fills ${shards.value} shards; one operation takes ${operationSec.value} s${keys.length > 0 ? `; ${keys.length} keys by their MD5, so that the fullest shard throttles first` : ''}. Score: mean shards + 100 × mean shards’ worth of throttled records.`;
  if (given.html !== undefined) {
    await writeFile(given.html, htmlReport(basename(given.trace), note, demand, fromMinute, runs));
    process.stderr.write(`report in ${given.html}\n`);
  }
  process.stdout.write(given.json === true ? `${jsonOf(given, minutes, runs)}\n` : `${note}\n\n${tableOf(runs)}\n`);
};

/** Why a file cannot be written, before minutes are spent on what is to be in it; null when it can. */
const whyUnwritable = async (file: string): Promise<string | null> => {
  try {
    await (await open(file, 'a')).close();
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
};

interface TraceScene {
  readonly demand: Demand;
  readonly keys: readonly KeyDemand[];
  readonly fromMinute: number;
}

/** The trace as demand by the minute: enough of it to learn from, and to count. */
const sceneOf = (trace: Trace, shards: number, days: number | undefined): Checked<TraceScene> => {
  try {
    const raw = byTheMinute(trace.total, trace.stepMs, trace.startMs);
    const demand = fillingShards(raw, shards);
    if (demand.minutes.length < HISTORY_MIN + 60)
      return refused(
        `is ${(demand.minutes.length / DAY_MIN).toFixed(1)} days long; at least ${HISTORY_MIN / DAY_MIN} days of history and an hour to count are needed`,
      );
    const counted = (days ?? (trace.keys.length > 0 ? KEYED_DAYS : Number.POSITIVE_INFINITY)) * DAY_MIN;
    const at = raw.minutes.findIndex((value) => value > 0);
    const factor = demand.minutes[at]! / raw.minutes[at]!;
    const keys = trace.keys.map(({ key, counts }) => ({
      hashKey: BigInt(`0x${createHash('md5').update(key).digest('hex')}`),
      minutes: byTheMinute(counts, trace.stepMs, trace.startMs).minutes.map((value) => value * factor),
    }));
    return ok({ demand, keys, fromMinute: Math.round(Math.max(HISTORY_MIN, demand.minutes.length - counted)) });
  } catch (error) {
    if (error instanceof PoisonError) return refused(error.message);
    throw error;
  }
};

const tableOf = (runs: readonly Run[]): string =>
  columns(
    ['POLICY', 'SCORE', 'THROTTLED', 'MINUTES', 'MEAN SHARDS', 'SHARD-HOURS', 'DOLLARS', 'OPERATIONS', 'WORST LAG'],
    runs.map(({ name, outcome, capacity }) => [
      name,
      outcome.score.toFixed(1),
      `${(100 * outcome.throttledShare).toFixed(3)} %`,
      String(outcome.throttledMinutes),
      outcome.meanShards.toFixed(1),
      (capacity.reduce((sum, value) => sum + value, 0) / 60).toFixed(0),
      outcome.money.toFixed(2),
      String(outcome.operations),
      `${Math.round(outcome.worstLagSec)} s`,
    ]),
  );

const jsonOf = (given: Given, minutes: number, runs: readonly Run[]): string =>
  JSON.stringify({
    trace: basename(given.trace),
    minutes,
    operationSec: Number(given.operationSec),
    policies: Object.fromEntries(runs.map(({ name, outcome }) => [name, outcome])),
  });
