// lib/profile: the two settings that only the primary can show: how often it writes checkpoints, and how far it reads ahead.
// in: what the owner did during the run, the shard's capacity and load · out: recommendations, each with cost, benefit and confidence; none where nothing is wrong
//
// Checkpoints cost writes and time; what a longer interval costs is what a crash makes process again. A buffer that is too small leaves the processor without work while
// there is a backlog; one that is too large takes memory. How long records wait in it is no reason: in the stream they would wait as long.
import type { PrimaryFinding, Recommendation } from '../model/profile-report.ts';
import type { SettingBounds } from '../model/tuning.ts';
import type { Rate } from '../model/worker.ts';
import { confidenceOf } from './confidence.ts';
import { mebibytes, percent } from './figures.ts';
import type { ProfileTargets } from './profile-input.ts';
import type { Measured } from './shard-capacity.ts';
import { normalBelow } from './student-t.ts';
import { heldUpShareOf } from './upkeep.ts';

export type MeasuredPrimary = Extract<PrimaryFinding, { kind: 'measured' }>;
type Setting = Extract<Recommendation, { kind: 'setting' }>;

export interface UpkeepQuestion {
  readonly primary: MeasuredPrimary;
  readonly measured: Measured;
  /** Of the shard at the highest load foreseen: of its capacity, and as a rate. */
  readonly utilization: number;
  readonly load: Rate;
}

const SECONDS_PER_MONTH = 730 * 3600;
/** Checkpoints are visible from this share of what the shard itself costs … */
const VISIBLE_COST = 0.05;
/** … or from this share of the time in which one is being written. */
const VISIBLE_TIME = 0.2;
/** What a crash makes process again should take no longer than this. */
const MOST_AGAIN_MS = 60_000;
const LEAST_EVENTS = 5;
/** So much of the time behind that a larger buffer would spare is worth it. */
const VISIBLE_HELD_UP = 0.05;
/** A buffer of less of the process's memory is not what fills it. */
const VISIBLE_BUFFER = 0.1;
/** A smaller buffer still holds this much work of the lanes: some reads' worth. */
const KEPT_MS = 2_000;
/** A change by less than a fifth is not worth a try. */
const WORTH = 1.2;

const usd = (value: number): string => `$${value.toFixed(2)}`;
const within = ({ from, to }: SettingBounds, value: number): number => Math.min(Math.max(value, from), to);
/** How sure it is that a count of events, of which each stands for as much, passes its threshold by this factor. */
const sureOf = (factor: number, events: number): number => normalBelow((factor - 1) * Math.sqrt(events));

/** What the processor takes, whatever the shard carries: a backlog comes as fast as it is read. */
const lanesBytesPerSec = ({ resources, scarcest }: Measured): number =>
  Math.min(
    ...resources.filter(({ resource }) => resource !== 'shard').map(({ capacity }) => capacity.at.bytesPerSec),
    ...(scarcest.resource === 'shard' ? [] : [scarcest.capacity.at.bytesPerSec]),
  );

const secondsOf = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** A longer interval where checkpoints are a visible part of cost or time, a shorter one where a crash would repeat too much. */
const checkpointing = (question: UpkeepQuestion, targets: ProfileTargets, bounds: SettingBounds): Setting[] => {
  const { primary, measured, utilization, load } = question;
  const { checkpoints, checkpointMs, ms, shardMs, inForce } = primary;
  const from = inForce.checkpointMs;
  // Each is a write of one unit: a lease item has less than a KiB.
  const usdPerMonth = (checkpoints / (shardMs / 1000)) * SECONDS_PER_MONTH * (targets.writeUsdPerMillion / 1e6);
  const ofShard = targets.shardUsdPerMonth > 0 ? usdPerMonth / targets.shardUsdPerMonth : 0;
  const ofTime = checkpointMs / ms;
  const factor = Math.max(ofShard / VISIBLE_COST, ofTime / VISIBLE_TIME);
  /** What a crash just before a checkpoint makes process again, and how long that takes. */
  const againMs = (interval: number) => interval * utilization;
  const again = (interval: number) =>
    `${Math.round((load.recordsPerSec * interval) / 1000)} records (${secondsOf(againMs(interval))} of work)`;
  const advice = (to: number, confidence: number, why: string): Setting => ({
    kind: 'setting',
    setting: 'checkpointMs',
    from,
    to,
    confidence,
    reason: `${why} Each ${to} ms instead of ${from} ms they cost ${usd((usdPerMonth * from) / to)} a month and shard and take ${percent((ofTime * from) / to)} of the time; a crash makes up to ${again(to)} of a shard come again, instead of ${again(from)}.`,
    costUsdPerMonth: usdPerMonth * (from / to - 1) * (shardMs / ms),
    utilizationBefore: null,
    utilizationAfter: null,
  });
  const told = `${primary.workerId} wrote ${checkpoints} checkpoints in ${Math.round(ms / 1000)} s: ${usd(usdPerMonth)} a month and shard, ${percent(ofShard)} of what the shard costs; ${percent(ofTime)} of the time one was being written (${(checkpointMs / Math.max(checkpoints, 1)).toFixed(0)} ms each).`;
  if (factor > 1 && checkpoints >= LEAST_EVENTS) {
    const bearable = utilization > 0 ? MOST_AGAIN_MS / utilization : Number.POSITIVE_INFINITY;
    const to = within(bounds, Math.floor(Math.min(Math.ceil((from * factor) / 100) * 100, bearable)));
    return to >= from * WORTH ? [advice(to, sureOf(factor, checkpoints), told)] : [];
  }
  if (againMs(from) <= MOST_AGAIN_MS) return [];
  // Not so often that the writes become visible in their turn.
  const least = from * factor;
  const to = within(bounds, Math.ceil(Math.max(MOST_AGAIN_MS / utilization, least)));
  return to * WORTH <= from ? [advice(to, confidenceOf(measured, utilization, MOST_AGAIN_MS / from), told)] : [];
};

/** A larger buffer where reads that wait for room leave the processor without work, within the memory that there is. */
const largerBuffer = (question: UpkeepQuestion, targets: ProfileTargets, bounds: SettingBounds): Setting[] => {
  const { primary, measured, utilization } = question;
  const { behindMs, starvedMs, heldUpMs, heldUps, inForce, shardMs, ms, memoryBytes, memoryLimitBytes } = primary;
  const heldUpShare = heldUpShareOf(primary);
  if (heldUpShare === null || heldUps < LEAST_EVENTS || heldUpShare <= VISIBLE_HELD_UP) return [];
  const from = inForce.maxBufferBytes;
  const shards = shardMs / ms;
  const share = Math.min(heldUpShare, 0.99);
  // What the lanes process in such a gap, twice, since gaps differ.
  const missing = 2 * (heldUpMs / heldUps / 1000) * lanesBytesPerSec(measured);
  const room =
    memoryLimitBytes === null
      ? Number.POSITIVE_INFINITY
      : Math.max(0, targets.memoryThreshold * memoryLimitBytes - memoryBytes) / shards;
  const to = within(bounds, Math.floor(Math.min(Math.max(2 * from, from + missing), from + room)));
  if (to < from * WORTH) return [];
  return [
    {
      kind: 'setting',
      setting: 'maxBufferBytes',
      from,
      to,
      reason: `While shards of ${primary.workerId} were behind (${secondsOf(behindMs)}), everything that was read was processed for ${percent(starvedMs / behindMs)} of the time; for ${percent(share)} only because the next read waited for room in the buffer of ${mebibytes(from)} (${heldUps} times). ${mebibytes(to)} spare that, and take up to ${mebibytes((to - from) * shards)} more memory${memoryLimitBytes === null ? '' : ` of ${mebibytes(memoryLimitBytes)}`}.`,
      costUsdPerMonth: 0,
      utilizationBefore: utilization / (1 - share),
      utilizationAfter: utilization,
      confidence: sureOf(share / VISIBLE_HELD_UP, heldUps),
    },
  ];
};

/** A smaller buffer where memory is what is short and the buffer is a visible part of it. */
const smallerBuffer = (question: UpkeepQuestion, targets: ProfileTargets, bounds: SettingBounds): Setting[] => {
  const { primary, measured } = question;
  const { behindMs, starvedMs, inForce, shardMs, ms, memoryBytes, memoryLimitBytes, bufferBytes } = primary;
  if (memoryLimitBytes === null || memoryBytes <= targets.memoryThreshold * memoryLimitBytes) return [];
  if (bufferBytes < VISIBLE_BUFFER * memoryBytes || (behindMs > 0 && starvedMs / behindMs > VISIBLE_HELD_UP)) return [];
  const from = inForce.maxBufferBytes;
  const shards = shardMs / ms;
  const held = bufferBytes / shards;
  const perSec = lanesBytesPerSec(measured);
  const kept = (perSec * KEPT_MS) / 1000;
  const to = within(bounds, Math.ceil(Math.max(Math.min(from, held) / 2, kept)));
  if (to * WORTH > Math.min(from, held)) return [];
  const freed = (held - to) * shards;
  const before = memoryBytes / memoryLimitBytes;
  return [
    {
      kind: 'setting',
      setting: 'maxBufferBytes',
      from,
      to,
      reason: `${primary.workerId} takes ${percent(before)} of its ${mebibytes(memoryLimitBytes)} of memory (the target is ${percent(targets.memoryThreshold)}); ${mebibytes(bufferBytes)} of it are records that wait to be processed, and would wait in the stream as well. ${mebibytes(to)} a shard instead of ${mebibytes(from)} free ${mebibytes(freed)}, and still hold ${secondsOf((to / Math.max(perSec, 1)) * 1000)} of work.`,
      costUsdPerMonth: 0,
      utilizationBefore: before,
      utilizationAfter: (memoryBytes - freed) / memoryLimitBytes,
      // Of what the memory is above its target, so much goes; memory is one look, so that it is never quite sure.
      confidence: Math.min(0.95, freed / (memoryBytes - targets.memoryThreshold * memoryLimitBytes)),
    },
  ];
};

/** What to change of the primary's upkeep; only what policy and workers let be changed. */
export const recommendUpkeep = (question: UpkeepQuestion, targets: ProfileTargets): Setting[] => {
  const { checkpointMs, maxBufferBytes } = targets.bounds;
  return [
    ...(maxBufferBytes === undefined
      ? []
      : [...largerBuffer(question, targets, maxBufferBytes), ...smallerBuffer(question, targets, maxBufferBytes)]),
    ...(checkpointMs === undefined ? [] : checkpointing(question, targets, checkpointMs)),
  ];
};
