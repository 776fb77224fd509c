// bin/profile-measures-text: what a profile measured beside the shard's capacity: the primary, the host, keys and sizes, errors, compared results.
// in: a report of the API · out: lines of text
import type { HostUse, PrimaryFinding, ProfileReport } from '../lib/model/profile-report.ts';
import type { ComparedResults, ProfilingTotals } from '../lib/model/profiling.ts';
import { mebibytes, percent } from '../lib/profile/figures.ts';
import { columns } from './tables.ts';

const MOST_SAMPLES = 5;
/** Of LATENCY_LEVELS. */
const [MEDIAN, P99] = [4, 8];

/** What the shard's owner did meanwhile, by its own totals. */
export const primaryText = (primary: PrimaryFinding): string => {
  if (primary.kind === 'unknown') return `not measured: ${primary.detail}`;
  const { workerId, ms, shardMs, checkpoints, checkpointMs, behindMs, starvedMs, heldUpMs, bufferBytes, inForce } = primary;
  const shards = shardMs / ms;
  return [
    `${workerId} in ${Math.round(ms / 1000)} s, with ${shards.toFixed(1).replace('.0', '')} ${shards > 1.05 ? 'shards' : 'shard'}: ${checkpoints} checkpoints, one being written ${percent(checkpointMs / ms)} of the time;`,
    behindMs === 0
      ? 'never behind the stream;'
      : `behind the stream ${percent(behindMs / shardMs)} of the time, of that ${percent(starvedMs / behindMs)} without work and ${percent(heldUpMs / behindMs)} for want of room;`,
    `${mebibytes(bufferBytes)} read ahead in the mean, at most ${mebibytes(inForce.maxBufferBytes)} a shard`,
  ].join(' ');
};

/** What the run took of its host. */
export const hostText = (host: HostUse): string => {
  const disk =
    host.diskWaitShare === null
      ? 'disks not told'
      : `for disks ${percent(host.diskWaitShare)}${host.readBytesPerSec === null || host.writtenBytesPerSec === null ? '' : ` (${mebibytes(host.readBytesPerSec)}/s read, ${mebibytes(host.writtenBytesPerSec)}/s written)`}`;
  return [
    `CPU ${percent(host.cpuShare)} of a core, event loop ${percent(host.loopShare)}, collector ${percent(host.gcShare)} (${host.collections} times);`,
    `waiting ${host.ioWaitShare === null ? '–' : percent(host.ioWaitShare)} of the legs' time, ${disk};`,
    `heap ${mebibytes(host.heapBytes)}, resident ${mebibytes(host.rssBytes)}`,
  ].join(' ');
};

/** `about 103; of the records the top key has 1.0 %, ten 10 %, a hundred 97 %; records of 20 bytes (half), 34 (99 %), 40 at most` */
export const keysText = ({ keys, recordBytes: { quantiles, max } }: Pick<ProfilingTotals, 'keys' | 'recordBytes'>): string =>
  `about ${Math.round(keys.distinct)}; of the records the top key has ${percent(keys.top1Share)}, ten ${percent(keys.top10Share)}, a hundred ${percent(keys.top100Share)}; records of ${Math.round(quantiles[MEDIAN] ?? 0)} bytes (half), ${Math.round(quantiles[P99] ?? 0)} (99 %), ${Math.round(max)} at most`;

/** The newest error of each class. */
export const errorLines = ({ totals }: Pick<ProfileReport, 'totals'>): string[] =>
  (totals?.legs ?? []).flatMap(({ leg, errorSamples }) =>
    errorSamples.map(
      ({ errorClass, message, sequenceNumber, count }) =>
        `leg ${leg}: ${count} ${errorClass}, the newest at ${sequenceNumber}: ${message}`,
    ),
  );

const mismatchLines = ({ samples }: ComparedResults, most: number): string[] =>
  samples
    .slice(0, most)
    .flatMap(({ partitionKey, sequenceNumber, name, differences }) => [
      `  ${name} of ${partitionKey}, record ${sequenceNumber}`,
      ...differences.map(
        ({ path, left, right }) => `    ${path === '' ? '(all)' : path}: ${left ?? 'missing'} | ${right ?? 'missing'}`,
      ),
    ]);

/** Results of the same records from two sides: how many are equal, which fields differ, and samples of those. */
export const comparisonLines = (comparisons: readonly ComparedResults[], mostSamples = MOST_SAMPLES): string[] =>
  comparisons.length === 0
    ? []
    : [
        '',
        'Results compared, record by record',
        columns(
          ['SIDES', 'COMPARED', 'EQUAL', 'DIFFERENT', 'ONE-SIDED', 'FIELDS THAT DIFFER'],
          comparisons.map((each) => [
            `${each.left} and ${each.right}`,
            String(each.compared),
            String(each.equal),
            String(each.different),
            `${each.onlyLeft} and ${each.onlyRight}`,
            Object.entries(each.fields)
              .sort(([, a], [, b]) => b - a)
              .map(([field, count]) => `${field === '' ? '(all)' : field} ${count}`)
              .join(', ') || '–',
          ]),
        ),
        ...comparisons.flatMap((each) => {
          const lines = mismatchLines(each, mostSamples);
          return lines.length === 0 ? [] : [`Samples of ${each.left} | ${each.right}`, ...lines];
        }),
      ];
