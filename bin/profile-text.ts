// bin/profile-text: the report of a profile as a table for a terminal.
// in: a report of the API · out: text
import type { ProfileReport, RateEstimate, Recommendation } from '../lib/model/profile-report.ts';
import { comparisonLines, errorLines, hostText, keysText, primaryText } from './profile-measures-text.ts';
import { columns } from './tables.ts';

const percent = (share: number | null): string => (share === null ? '–' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`);
const whole = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toString());
const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB/s`;
const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** `384 records/s (379 to 389), 0.19 MB/s` */
export const estimateText = ({ at, low, high }: RateEstimate): string =>
  `${whole(at.recordsPerSec)} records/s (${high === null ? `at least ${whole(low.recordsPerSec)}` : `${whole(low.recordsPerSec)} to ${whole(high.recordsPerSec)}`}), ${mega(at.bytesPerSec)}`;

/** What a recommendation is, without its reason. */
export const adviceName = (advice: Recommendation): string => {
  switch (advice.kind) {
    case 'split':
      return `split at ${advice.newStartingHashKey}`;
    case 'move':
      return `move to ${advice.workerId}`;
    case 'more-workers':
      return `${advice.workers} more ${advice.workers === 1 ? 'worker' : 'workers'}`;
    case 'setting':
      return `${advice.setting} ${advice.from} → ${advice.to}`;
    case 'repair':
      return `repair: ${advice.what}`;
    case 'nothing':
      return 'nothing';
  }
};

export const costText = ({ costUsdPerMonth }: Recommendation): string =>
  costUsdPerMonth === null ? 'unknown' : `${costUsdPerMonth < 0 ? '-' : ''}$${Math.abs(costUsdPerMonth).toFixed(2)}`;

/** The whole report. */
export const profileText = (report: ProfileReport): string => {
  const { findings } = report;
  const { request, ended } = report;
  const section = (title: string, header: readonly string[], rows: readonly (readonly string[])[]): string[] =>
    rows.length === 0 ? [] : ['', title, columns(header, rows)];
  const { errors, memory } = findings;
  return [
    `profile ${report.profileId}`,
    `${report.shardId} of ${report.streamName} (${report.application}), owner ${report.owner ?? 'nobody'}, shadow on ${report.hostId}`,
    `asked for at ${time(report.requestedAtMs)} by ${report.trigger}: ${report.reason}`,
    `ended ${ended === null ? 'before it began' : `at ${time(ended.atMs)} by ${ended.by}: ${ended.detail}`}`,
    `${findings.records} records in ${Math.round(findings.seconds)} s, ${percent(findings.sampledShare)} of the shard's (asked for: ${percent(request.share)} of its keys)`,
    '',
    ...(findings.capacity === null
      ? [findings.detail]
      : [
          `CAPACITY   ${estimateText(findings.capacity)}`,
          `LIMIT      ${findings.limit}: ${findings.limitReason}`,
          `LOAD       ${percent(findings.utilizationNow)} of it now, ${percent(findings.utilizationForeseen)} at the foreseen peak`,
        ]),
    `ERRORS     ${percent(errors.share)} (${percent(errors.low)} to ${percent(errors.high)})${errors.byClass.map(({ name, count }) => `, ${count} ${name}`).join('')}`,
    `MEMORY     ${memory.bytesPerRecord === null ? 'no growth that stands out' : `${Math.round(memory.bytesPerRecord)} bytes stay of each record (${memory.where ?? 'heap'})${memory.hoursToFull === null ? '' : `, full in ${memory.hoursToFull.toFixed(1)} h`}`}`,
    ...(findings.primary === undefined ? [] : [`PRIMARY    ${primaryText(findings.primary)}`]),
    ...(findings.host === undefined ? [] : [`HOST       ${hostText(findings.host)}`]),
    ...(report.totals === null ? [] : [`KEYS       ${keysText(report.totals)}`]),
    ...errorLines(report).map((line) => `ERROR      ${line}`),
    ...section(
      'Where each resource is full',
      ['RESOURCE', 'RECORDS/S', 'FROM', 'TO', 'HOW'],
      findings.resources.map(({ resource, capacity, how }) => [
        resource,
        whole(capacity.at.recordsPerSec),
        whole(capacity.low.recordsPerSec),
        capacity.high === null ? '–' : whole(capacity.high.recordsPerSec),
        how,
      ]),
    ),
    ...section(
      'Hot keys',
      ['KEY', 'SHARE', 'FROM', 'TO', 'RECORDS/S'],
      findings.hotKeys.map(({ partitionKey, share, low, high, recordsPerSec }) => [
        partitionKey,
        percent(share),
        percent(low),
        percent(high),
        whole(recordsPerSec),
      ]),
    ),
    ...section(
      'Stages',
      ['STAGE', 'CALLS', 'ERRORS', 'MEAN', 'P50', 'P99', 'OF THE TIME', ''],
      findings.stages.map((stage) => [
        stage.stage,
        String(stage.calls),
        String(stage.errors),
        `${stage.meanMs.toFixed(2)} ms`,
        `${stage.p50Ms.toFixed(2)} ms`,
        `${stage.p99Ms.toFixed(2)} ms`,
        percent(stage.shareOfTime),
        stage.slowest ? 'the slowest' : '',
      ]),
    ),
    ...section(
      'Noise floor (two equal legs; a difference must be larger)',
      ['MEASURE', 'LEG A', 'LEG AA', 'FACTOR'],
      findings.noise.map(({ measure, a, b, floor }) => [measure, a.toFixed(4), b.toFixed(4), `${floor.toFixed(3)}`]),
    ),
    ...section(
      'The other variant, where it differs by more than noise',
      ['MEASURE', 'AS IT IS', 'OTHER', 'FACTOR', 'FLOOR', ''],
      findings.differences.map(({ measure, a, b, factor, floor, kind }) => [
        measure,
        a.toFixed(4),
        b.toFixed(4),
        factor === null ? '–' : factor.toFixed(3),
        floor.toFixed(3),
        kind,
      ]),
    ),
    ...comparisonLines(report.totals?.comparisons ?? []),
    ...section(
      'Recommendations, the best first',
      ['WHAT', 'A MONTH', 'LOAD BEFORE', 'AFTER', 'SURE', 'WHY'],
      findings.recommendations.map((advice) => [
        adviceName(advice),
        costText(advice),
        percent(advice.utilizationBefore),
        percent(advice.utilizationAfter),
        percent(advice.confidence),
        advice.reason,
      ]),
    ),
    ...(report.decision === undefined ? [] : ['', `Decided: ${report.decision}`]),
  ].join('\n');
};
