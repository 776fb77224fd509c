// lib/profile: what to do about a limit, or why nothing.
// in: the limit, how full it is and will be, what else could take the shard · out: recommendations, the best first, each with cost, benefit and confidence
import type { HotKey, ProfileLimit, Recommendation, StageFinding } from '../model/profile-report.ts';
import { confidenceOf } from './confidence.ts';
import { divisionOf } from './divide.ts';
import { type LoadedWorker, NO_RATE, type ProfileScene, type ProfileTargets, shareTaken } from './profile-input.ts';
import { recommendUpkeep } from './recommend-upkeep.ts';
import type { Measured } from './shard-capacity.ts';

export interface Question {
  readonly limit: ProfileLimit;
  readonly limitReason: string;
  readonly measured: Measured;
  readonly hotKeys: readonly HotKey[];
  readonly stages: readonly StageFinding[];
  /** Of the scarcest resource, at the highest load foreseen. */
  readonly utilization: number;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const rate = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} records/s`;
const ALLOWS = {
  cpu: 'the CPU',
  'event-loop': 'the event loop',
  wait: 'waiting in all lanes',
  'hot-key': 'the lane of the hottest key',
  shard: 'the shard',
} as const;

/** Waiting in one stage is worth a sentence of its own from this share of the time on. */
const DOMINANT_STAGE = 0.5;
/** A call's own part that takes so much of the time of a record is worth larger calls. */
const CALL_SHARE = 0.3;

interface Base {
  readonly utilizationBefore: number;
  readonly confidence: number;
}

const splitOf = (
  scene: ProfileScene,
  { hotKeys, utilization }: Question,
  targets: ProfileTargets,
  base: Base,
): Recommendation[] => {
  const division = divisionOf(scene.hashKeyRange, scene.sliceShares, hotKeys[0]?.share ?? 0);
  if (division === null || division.fullerShare > 0.9) return [];
  const after = utilization * division.fullerShare;
  return [
    {
      ...base,
      kind: 'split',
      newStartingHashKey: division.newStartingHashKey.toString(),
      reason: `A split at ${division.newStartingHashKey} leaves ${percent(division.fullerShare)} of the load in the fuller child: ${percent(after)} instead of ${percent(utilization)} at the foreseen peak.`,
      costUsdPerMonth: targets.shardUsdPerMonth,
      utilizationAfter: after,
    },
  ];
};

/** What a worker's measured capacity is of its declared one, so that others of the same make can be judged by it. */
const moveOf = (scene: ProfileScene, { measured }: Question, targets: ProfileTargets, base: Base): Recommendation[] => {
  const { owner, foreseen, now } = scene;
  const load = foreseen ?? now;
  if (owner === null || load === null) return [];
  const capacity = measured.scarcest.capacity.at;
  const filled = (worker: LoadedWorker, more = NO_RATE) =>
    shareTaken(
      { recordsPerSec: worker.load.recordsPerSec + more.recordsPerSec, bytesPerSec: worker.load.bytesPerSec + more.bytesPerSec },
      capacity,
    );
  const before = filled(owner);
  const [best] = scene.others
    .map((worker) => ({ worker, after: filled(worker, load) }))
    .filter(({ after }) => after <= targets.workerTargetUtilization && after < before)
    .sort((a, b) => a.after - b.after || (a.worker.workerId < b.worker.workerId ? -1 : 1));
  if (best === undefined) return [];
  return [
    {
      ...base,
      kind: 'move',
      workerId: best.worker.workerId,
      reason: `${owner.workerId} would be ${percent(before)} full by the measured ${rate(capacity.recordsPerSec)}; ${best.worker.workerId} would be ${percent(best.after)} full with the shard added.`,
      costUsdPerMonth: 0,
      utilizationBefore: before,
      utilizationAfter: best.after,
    },
  ];
};

const workersOf = (scene: ProfileScene, { measured }: Question, targets: ProfileTargets, base: Base): Recommendation[] => {
  const { owner, others, foreseen, now } = scene;
  const capacity = measured.scarcest.capacity.at;
  const all = [...(owner === null ? [] : [owner]), ...others];
  const load = all.reduce(
    (sum, worker) => ({
      recordsPerSec: sum.recordsPerSec + worker.load.recordsPerSec,
      bytesPerSec: sum.bytesPerSec + worker.load.bytesPerSec,
    }),
    all.length === 0 ? (foreseen ?? now ?? NO_RATE) : NO_RATE,
  );
  const wanted = Math.ceil(shareTaken(load, capacity) / targets.workerTargetUtilization);
  const workers = wanted - Math.max(all.length, 1);
  if (workers < 1) return [];
  const after = shareTaken(load, capacity) / wanted;
  return [
    {
      ...base,
      kind: 'more-workers',
      workers,
      reason: `All workers together carry ${rate(load.recordsPerSec)} at the foreseen peak; at the measured ${rate(capacity.recordsPerSec)} a worker, ${wanted} workers would be ${percent(after)} full.`,
      costUsdPerMonth: targets.workerUsdPerMonth === null ? null : workers * targets.workerUsdPerMonth,
      utilizationBefore: shareTaken(load, capacity) / Math.max(all.length, 1),
      utilizationAfter: after,
    },
  ];
};

const settingsOf = ({ measured, utilization, limit }: Question, targets: ProfileTargets, base: Base): Recommendation[] => {
  if (limit !== 'wait') return [];
  const { callTime, lanes, maxBatchRecords, resources } = measured;
  const computing = resources.find(({ resource }) => resource === 'cpu')?.capacity.at.recordsPerSec ?? Number.POSITIVE_INFINITY;
  const waiting = measured.scarcest.capacity.at.recordsPerSec;
  /** More lanes or larger calls help until the computing ends. */
  const after = (gain: number) => utilization / Math.min(gain, computing / waiting);
  const found: Recommendation[] = [];
  const { concurrencyPerShard, maxBatchRecords: batches } = targets.bounds;
  const wanted = Math.ceil((lanes * utilization) / targets.workerTargetUtilization);
  const to = Math.min(Math.max(wanted, lanes), concurrencyPerShard?.to ?? lanes);
  if (to > lanes)
    found.push({
      ...base,
      kind: 'setting',
      setting: 'concurrencyPerShard',
      from: lanes,
      to,
      reason: `Records wait for something else for most of their time: ${to} lanes instead of ${lanes} take ${rate(Math.min((waiting * to) / lanes, computing))}.`,
      costUsdPerMonth: 0,
      utilizationAfter: after(to / lanes),
    });
  const time = callTime.at(maxBatchRecords).at;
  const larger = Math.min(maxBatchRecords * 4, batches?.to ?? maxBatchRecords);
  if (larger > maxBatchRecords && callTime.msPerCall / maxBatchRecords > CALL_SHARE * time) {
    const gain = time / callTime.at(larger).at;
    found.push({
      ...base,
      kind: 'setting',
      setting: 'maxBatchRecords',
      from: maxBatchRecords,
      to: larger,
      reason: `A call takes ${callTime.msPerCall.toFixed(1)} ms however few records it has: calls of ${larger} instead of ${maxBatchRecords} take ${rate(waiting * gain)}.`,
      costUsdPerMonth: 0,
      utilizationAfter: after(gain),
    });
  }
  return found;
};

const repairOf = ({ limit, limitReason, hotKeys, stages, utilization }: Question, confidence: number): Recommendation[] => {
  const base = { kind: 'repair' as const, costUsdPerMonth: 0, utilizationBefore: utilization, confidence };
  if (limit === 'errors' || limit === 'memory')
    return [
      { ...base, what: limit, reason: `${limitReason} No more shards or workers help against it.`, utilizationAfter: null },
    ];
  const [hottest] = hotKeys;
  if (limit === 'hot-key' && hottest !== undefined)
    return [
      {
        ...base,
        what: 'hot-key',
        reason: `${limitReason} Neither a split nor more lanes divide one key: give it several partition keys, or sum its records up before they are put.`,
        utilizationAfter: utilization / 2,
      },
    ];
  const slow = stages.find(({ slowest }) => slowest);
  if (slow === undefined || slow.shareOfTime < DOMINANT_STAGE || (limit !== 'wait' && limit !== 'cpu' && limit !== 'event-loop'))
    return [];
  return [
    {
      ...base,
      what: 'stage',
      reason: `Stage ${slow.stage} takes ${percent(slow.shareOfTime)} of the time (${slow.meanMs.toFixed(2)} ms in the mean, p99 ${slow.p99Ms.toFixed(1)} ms): at half of its time the rest holds.`,
      utilizationAfter: utilization * (1 - slow.shareOfTime / 2),
    },
  ];
};

/** What to do, the best first. What the shard does not need is not recommended: errors and leaks come before everything, enough capacity ends it. */
export const recommend = (scene: ProfileScene, question: Question, targets: ProfileTargets): Recommendation[] => {
  const { limit, utilization, measured } = question;
  if (limit === 'errors' || limit === 'memory') return repairOf(question, 0.95);
  const target = limit === 'nothing' ? targets.targetUtilization : targets.workerTargetUtilization;
  const compute = limit === 'cpu' || limit === 'event-loop';
  // What computes shares its worker with the other shards; lanes and a shard's own limit are the shard's alone.
  const shared = compute && scene.owner !== null ? shareTaken(scene.owner.load, measured.scarcest.capacity.at) : 0;
  const fullest = Math.max(utilization, shared);
  const confidence = confidenceOf(measured, fullest, target);
  const { primary, foreseen, now } = scene;
  const upkeep =
    primary.kind === 'unknown'
      ? []
      : recommendUpkeep({ primary, measured, utilization, load: foreseen ?? now ?? NO_RATE }, targets);
  if (fullest <= target && upkeep.length > 0) return upkeep;
  if (fullest <= target)
    return [
      {
        kind: 'nothing',
        reason: `${percent(fullest)} of what ${ALLOWS[measured.scarcest.resource]} allows is taken at the foreseen peak; the target is ${percent(target)}.`,
        costUsdPerMonth: 0,
        utilizationBefore: fullest,
        utilizationAfter: fullest,
        confidence: 1 - confidence,
      },
    ];
  const base: Base = { utilizationBefore: utilization, confidence };
  if (limit === 'hot-key') return [...repairOf(question, confidence), ...upkeep];
  const moves = compute ? moveOf(scene, question, targets, base) : [];
  const found = [
    ...settingsOf(question, targets, base),
    ...moves,
    ...(utilization > target ? splitOf(scene, question, targets, base) : []),
    ...(compute && moves.length === 0 ? workersOf(scene, question, targets, base) : []),
    ...repairOf(question, confidence),
  ];
  // What reaches the target comes before what does not; then the cheaper one.
  const reaches = ({ utilizationAfter }: Recommendation) => (utilizationAfter !== null && utilizationAfter <= target ? 0 : 1);
  found.sort(
    (a, b) => reaches(a) - reaches(b) || (a.costUsdPerMonth ?? Number.MAX_VALUE) - (b.costUsdPerMonth ?? Number.MAX_VALUE),
  );
  return [...found, ...upkeep];
};
