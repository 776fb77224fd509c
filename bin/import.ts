// bin/import: the sub-command that gives a stream a past from a file.
// in: a CSV file, the stream, the deployment's demand table · out: blocks in the history store, and what was written; nothing when a line is wrong
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { besideStored, importedBlocks } from '../lib/history/imported-past.ts';
import { COARSE_TIER_DAYS, type HistoryBlock, MAX_BLOCK_MINUTES, MINUTE_MS, MINUTE_TIER_DAYS } from '../lib/model/demand.ts';
import { rangeText } from '../lib/model/hash-key-range.ts';
import type { HistoryStore } from '../lib/ports.ts';
import { refuse } from './ask.ts';
import { type PastResult, parsePast } from './import-csv.ts';

interface Given {
  readonly stream: string;
  readonly demandTable: string;
  readonly bytesPerRecord?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** What an import wrote, or would write. */
export interface Imported {
  readonly streamName: string;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly ranges: number;
  readonly blocks: number;
  /** Minutes of a range with records, and with bytes. */
  readonly minutes: number;
  readonly bytesMinutes: number;
  /** Minutes within these days of which nothing is known. */
  readonly gaps: number;
  /** Of these minutes, those of which only earlier holidays are read, and those that nothing reads any more. */
  readonly forHolidaysOnly: number;
  readonly tooOld: number;
  readonly written: boolean;
}

/** Adds `import` to the command line. */
export const addImport = (program: Command): void => {
  program
    .command('import <file>')
    .description(
      'give a stream a past from a CSV file timestamp,records[,bytes][,startingHashKey,endingHashKey]; counts per step',
    )
    .addOption(new Option('--stream <name>', 'the stream').env('PENUMBRA_STREAM').makeOptionMandatory())
    .addOption(
      new Option('--demand-table <name>', 'the deployment’s demand table (output DemandTableName)')
        .env('PENUMBRA_DEMAND_TABLE')
        .makeOptionMandatory(),
    )
    .option('--bytes-per-record <bytes>', 'stands in for bytes where the file has none')
    .option('--dry-run', 'check the file, and write nothing')
    .option('--json', 'what was written as JSON')
    .allowExcessArguments(false)
    .action(importFile);
};

const importFile = async (file: string, given: Given): Promise<void> => {
  const bytesPerRecord = given.bytesPerRecord === undefined ? null : Number(given.bytesPerRecord);
  if (bytesPerRecord !== null && !(bytesPerRecord > 0 && Number.isFinite(bytesPerRecord)))
    return refuse(`--bytes-per-record must be a number above 0, got ${given.bytesPerRecord}`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return refuse(`${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : 'cannot be read'}`);
  }
  const past = parsePast(text, file, bytesPerRecord, Date.now());
  if (past.kind === 'refused') return refuse(past.message);
  const { awsClients } = await import('../lib/adapters/aws/clients.ts');
  const { dynamodbHistory } = await import('../lib/adapters/aws/dynamodb-history.ts');
  const { systemClock } = await import('../lib/adapters/system-clock.ts');
  const history = dynamodbHistory(awsClients({}).dynamodb, systemClock, given.demandTable);
  try {
    const imported = await importPast(history, past, given.stream, given.dryRun === true, Date.now());
    process.stdout.write(`${given.json === true ? JSON.stringify(imported) : textOf(imported)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
};

/** Writes the steps as blocks beside what earlier imports knew. Repeating it changes nothing. */
export const importPast = async (
  history: Pick<HistoryStore, 'put' | 'read'>,
  { steps, stepMs }: Extract<PastResult, { kind: 'past' }>,
  streamName: string,
  dryRun: boolean,
  nowMs: number,
): Promise<Imported> => {
  const blocks = importedBlocks(steps, stepMs, streamName);
  const fromMs = Math.min(...blocks.map(({ startMs }) => startMs));
  const untilMs = Math.max(...blocks.map(({ startMs }) => startMs)) + MAX_BLOCK_MINUTES * MINUTE_MS;
  if (!dryRun) await history.put(besideStored(blocks, await history.read(streamName, fromMs, untilMs)), undefined);
  const known = (metric: 'records' | 'bytes'): number =>
    blocks.reduce((sum, block) => sum + block[metric].filter((value) => value !== null).length, 0);
  const [minuteTierFromMs, coarseTierFromMs] = [MINUTE_TIER_DAYS, COARSE_TIER_DAYS].map(
    (days) => nowMs - days * MAX_BLOCK_MINUTES * MINUTE_MS,
  ) as [number, number];
  const knownBefore = (untilMs: number): number =>
    blocks.reduce(
      (sum, block) => sum + block.records.filter((value, i) => value !== null && block.startMs + i * MINUTE_MS < untilMs).length,
      0,
    );
  return {
    streamName,
    fromMs: steps[0]!.startMs,
    untilMs: steps.at(-1)!.startMs + stepMs,
    ranges: new Set(blocks.map((block) => rangeText(block.hashKeyRange))).size,
    blocks: blocks.length,
    minutes: known('records'),
    bytesMinutes: known('bytes'),
    forHolidaysOnly: knownBefore(minuteTierFromMs) - knownBefore(coarseTierFromMs),
    tooOld: knownBefore(coarseTierFromMs),
    gaps: gapsOf(blocks, steps[0]!.startMs, steps.at(-1)!.startMs + stepMs),
    written: !dryRun,
  };
};

/** Unknown minutes between the first and the last row, over all ranges. */
const gapsOf = (blocks: readonly HistoryBlock[], fromMs: number, untilMs: number): number =>
  blocks.reduce(
    (sum, block) =>
      sum +
      block.records.filter((value, i) => {
        const atMs = block.startMs + i * MINUTE_MS;
        return value === null && atMs >= fromMs && atMs < untilMs;
      }).length,
    0,
  );

const textOf = (it: Imported): string => {
  const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
  const bytes = it.bytesMinutes === 0 ? 'bytes unknown' : `${it.bytesMinutes} with bytes`;
  const old = [
    ...(it.forHolidaysOnly > 0
      ? [
          `${it.forHolidaysOnly} minutes are older than ${MINUTE_TIER_DAYS} days: only holidays that are like each other are read from them`,
        ]
      : []),
    ...(it.tooOld > 0 ? [`${it.tooOld} minutes are older than ${COARSE_TIER_DAYS} days: nothing reads them`] : []),
  ];
  const done = `${it.written ? 'wrote' : 'would write'} ${it.blocks} days of ${it.ranges} hash range${it.ranges === 1 ? '' : 's'} into the history of ${it.streamName}: ${it.minutes} minutes (${bytes}, ${it.gaps} gaps) from ${time(it.fromMs)} to ${time(it.untilMs)}`;
  return [done, ...old].join('\n');
};
