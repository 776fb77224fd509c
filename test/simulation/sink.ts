// test/simulation: a sink that keeps the highest epoch of each shard and refuses a lower one, and counts what it was given.
// in: records under an epoch, changes of owner · out: what was lost, came twice without reason, or out of order
import type { LeaseWrite } from '../../lib/handover/lease-write.ts';
import type { Lease } from '../../lib/model/lease.ts';
import { compareCheckpoints } from '../../lib/model/sequence-number.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { sameMark } from '../../lib/shadow/digest-chain.ts';

/** A record's content: the n-th of its key. */
export interface Payload {
  readonly key: string;
  readonly n: number;
}
export const payloadOf = (record: StreamRecord): Payload => JSON.parse(Buffer.from(record.data).toString()) as Payload;

interface ShardMemory {
  epoch: number;
  by: string;
  /** The newest record that took effect. */
  through: string;
  /** Records through it may come again: their owner was lost before it had published them. */
  excused: string;
  /** What the item said when its owner was last replaced: nothing before it may come again. */
  published: string;
  /** The lease's epoch, as it is now. */
  leaseEpoch: number;
}

/** By these an owner says how far it has come before another one goes on. */
const LAST_WORDS: ReadonlySet<string> = new Set(['drain', 'handOn', 'giveBack']);

/** Counts by key and by shard. */
export class FencedSink {
  readonly #produced = new Map<string, number>();
  readonly #seen = new Map<string, number>();
  readonly #shards = new Map<string, ShardMemory>();
  readonly #isFenced: boolean;
  readonly wrong: string[] = [];
  /** Changes of owner by a handover, and by a take-over. */
  moved = 0;
  takenOver = 0;
  effects = 0;
  repeated = 0;
  refused = 0;

  /** `isFenced` false: a sink that takes whatever it is given. */
  constructor(isFenced = true) {
    this.#isFenced = isFenced;
  }

  /** The next number of a key that is produced. */
  produce(key: string): Payload {
    const n = (this.#produced.get(key) ?? 0) + 1;
    this.#produced.set(key, n);
    return { key, n };
  }

  /** A lease was changed by this write. */
  leaseChanged(write: LeaseWrite, before: Lease, after: Lease): void {
    const memory = this.#of(after.shardId);
    if (LAST_WORDS.has(write.name) && compareCheckpoints(memory.through, latest(after.checkpoint, memory.excused)) > 0)
      this.wrong.push(`${write.name} of ${after.shardId} by ${before.owner} says less than it has done`);
    // Who is replaced outside of a planned move may have done more than it published.
    if (write.name === 'takeOver') {
      memory.excused = latest(memory.excused, memory.through);
      memory.published = before.checkpoint;
    }
    memory.leaseEpoch = after.epoch;
    if (after.handover?.phase === 'activated' && before.handover?.phase !== 'activated') {
      this.moved += 1;
      const drained = before.handover?.drained;
      const proof = before.handover?.proof ?? after.handover.proof;
      if (drained === undefined || proof === undefined || !sameMark(drained, proof))
        this.wrong.push(
          `${after.shardId} was activated by ${after.owner} without a proof: ${proof?.digest} of ${drained?.digest}`,
        );
    }
    if (write.name === 'takeOver') this.takenOver += 1;
    if (after.owner !== before.owner && after.owner !== undefined && after.epoch <= before.epoch)
      this.wrong.push(`${write.name} made ${after.owner} the owner of ${after.shardId} under the old epoch ${after.epoch}`);
  }

  /** A processor's effect arrives. False: a later owner has written, nothing is done. */
  write(records: readonly StreamRecord[], by: string, shardId: string, epoch: number): boolean {
    const memory = this.#of(shardId);
    if (epoch < memory.epoch) {
      this.refused += 1;
      if (this.#isFenced) return false;
      this.wrong.push(`${by} wrote ${shardId} under epoch ${epoch} after ${memory.by} had under ${memory.epoch}`);
    }
    if (epoch === memory.epoch && memory.by !== by)
      this.wrong.push(`${by} and ${memory.by} write ${shardId} under epoch ${epoch}`);
    if (epoch >= memory.epoch) Object.assign(memory, { epoch, by });
    for (const record of records) this.#take(record, memory, by, shardId);
    // The lease has a new owner, of which nothing has arrived yet: it will do this again.
    if (epoch < memory.leaseEpoch) memory.excused = latest(memory.excused, memory.through);
    return true;
  }

  #take(record: StreamRecord, memory: ShardMemory, by: string, shardId: string): void {
    const { key, n } = payloadOf(record);
    const seen = this.#seen.get(key) ?? 0;
    this.effects += 1;
    if (n === seen + 1) this.#seen.set(key, n);
    else if (n > seen) this.wrong.push(`${by} wrote ${key} ${n} of ${shardId} after ${seen}`);
    else {
      this.repeated += 1;
      if (compareCheckpoints(record.sequenceNumber, memory.published) <= 0)
        this.wrong.push(`${by} wrote ${key} ${n} of ${shardId} again though it was checkpointed`);
      if (compareCheckpoints(record.sequenceNumber, memory.excused) > 0)
        this.wrong.push(`${by} wrote ${key} ${n} of ${shardId} again under epoch ${memory.epoch} though its owner was not lost`);
    }
    memory.through = latest(memory.through, record.sequenceNumber);
  }

  /** Records that were produced and have not taken effect. */
  get missing(): number {
    return [...this.#produced].reduce((sum, [key, n]) => sum + n - (this.#seen.get(key) ?? 0), 0);
  }

  #of(shardId: string): ShardMemory {
    const known = this.#shards.get(shardId);
    if (known !== undefined) return known;
    const memory: ShardMemory = {
      epoch: -1,
      by: '',
      through: 'TRIM_HORIZON',
      excused: 'TRIM_HORIZON',
      published: 'TRIM_HORIZON',
      leaseEpoch: 0,
    };
    this.#shards.set(shardId, memory);
    return memory;
  }
}

const latest = (a: string, b: string): string => (compareCheckpoints(a, b) >= 0 ? a : b);
