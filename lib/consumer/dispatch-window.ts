// lib/consumer: a stretch of a shard on its way through the processor: whole raw records, the user records in them, and the lanes these go to.
// in: raw records in order · out: work for each lane, and how far the stretch is processed without a gap
import type { HashKeyRange } from '../model/hash-key-range.ts';
import type { StreamRecord } from '../model/shard.ts';
import { deaggregated, looksAggregated } from './aggregated-record.ts';
import { NO_TRIES, type Tries } from './poison.ts';
import type { ShardPosition } from './shard-position.ts';

/** Raw records and what is in them. */
export interface WindowContents {
  readonly raws: readonly StreamRecord[];
  /** What the processor is given; the raw records themselves where none is aggregated. */
  readonly records: readonly StreamRecord[];
  /** How many of `records` come up to and including each raw one; null: each raw record is one. */
  readonly ends: readonly number[] | null;
}

export interface Unpacking {
  readonly deaggregate: boolean;
  readonly hashKeyRange: HashKeyRange;
  readonly maxRecords: number;
  /** Where the last owner stopped within an aggregated record: its sub-records up to this one are processed. */
  readonly resumeAfter: ShardPosition;
  readonly onForeign: (raw: StreamRecord, records: number, hashKey: bigint) => void;
}

/** Takes whole raw records from the front until they hold `maxRecords` records, but at least one. */
export const unpack = (front: readonly StreamRecord[], how: Unpacking): WindowContents => {
  if (!how.deaggregate || !front.some((raw) => looksAggregated(raw.data))) return { raws: front, records: front, ends: null };
  const raws: StreamRecord[] = [];
  const records: StreamRecord[] = [];
  const ends: number[] = [];
  for (const raw of front) {
    if (records.length >= how.maxRecords) break;
    const found = deaggregated(raw, how.hashKeyRange);
    if (found.kind === 'foreign') how.onForeign(raw, found.records, found.hashKey);
    if (found.kind === 'plain') records.push(raw);
    if (found.kind === 'aggregate')
      for (const record of found.records) if (!isProcessed(record, how.resumeAfter)) records.push(record);
    raws.push(raw);
    ends.push(records.length);
  }
  return { raws, records, ends };
};

const isProcessed = ({ sequenceNumber, subSequenceNumber = 0 }: StreamRecord, through: ShardPosition): boolean =>
  sequenceNumber === through.checkpoint && subSequenceNumber <= (through.subSequenceNumber ?? -1);

/** One lane's part of a window. `next`: how many of its records are processed. */
export interface LaneWork {
  readonly window: DispatchWindow;
  readonly records: readonly StreamRecord[];
  /** Where each of the records stands in the window; null: at its own index. */
  readonly places: readonly number[] | null;
  next: number;
  tries: Tries;
}

/** Where a work's record stands in its window. */
export const placeOf = ({ places }: LaneWork, index: number): number => places?.[index] ?? index;

/** FNV-1a over a partition key's UTF-16 units: the same lane for the same key, always. */
export const laneOf = (partitionKey: string, lanes: number): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < partitionKey.length; i += 1) hash = Math.imul(hash ^ partitionKey.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % lanes;
};

/** One window. Its index grows by one from window to window of an owner. */
export class DispatchWindow {
  readonly index: number;
  readonly contents: WindowContents;
  /** By lane; undefined where a lane has nothing of this window. */
  readonly works: readonly (LaneWork | undefined)[];
  /** Lanes that have not finished their work. */
  unfinished: number;

  constructor(index: number, contents: WindowContents, lanes: number) {
    this.index = index;
    this.contents = contents;
    this.works = contents.records.length === 0 ? [] : lanes === 1 ? [this.#work(contents.records, null)] : this.#split(lanes);
    this.unfinished = this.works.reduce((sum, work) => sum + (work === undefined ? 0 : 1), 0);
  }

  /** How many records of the window are processed without a gap. */
  get processed(): number {
    let first = this.contents.records.length;
    for (const work of this.works) {
      if (work !== undefined && work.next < work.records.length) first = Math.min(first, placeOf(work, work.next));
    }
    return first;
  }

  #split(lanes: number): (LaneWork | undefined)[] {
    const parts = Array.from({ length: lanes }, () => ({ records: [] as StreamRecord[], places: [] as number[] }));
    this.contents.records.forEach((record, place) => {
      const part = parts[laneOf(record.partitionKey, lanes)];
      part?.records.push(record);
      part?.places.push(place);
    });
    return parts.map(({ records, places }) => (records.length === 0 ? undefined : this.#work(records, places)));
  }

  #work(records: readonly StreamRecord[], places: readonly number[] | null): LaneWork {
    return { window: this, records, places, next: 0, tries: NO_TRIES };
  }
}

/** The position after the first `count` records of a window; null where that is no point within it (none of its records). */
export const positionAfter = ({ raws, records, ends }: WindowContents, count: number): ShardPosition | null => {
  if (count === 0) return null;
  const at = ends === null ? count - 1 : ends.findIndex((end) => end >= count);
  const raw = raws[at];
  if (raw === undefined) return null;
  const subSequenceNumber = records[count - 1]?.subSequenceNumber;
  return ends === null || ends[at] === count || subSequenceNumber === undefined
    ? { checkpoint: raw.sequenceNumber }
    : { checkpoint: raw.sequenceNumber, subSequenceNumber };
};
