// local/fault-ledger: which worker processed what of each shard, and when: how long a shard stood still, and what came twice.
// in: the batches that the sink stored, in their order · out: moves, duplicates, latencies
import { compareCheckpoints } from '../lib/model/sequence-number.ts';
import type { SinkBatch } from './sink.ts';

/** A sink's batch with what is needed to tell a record that was read twice from one that was put twice. */
export interface FaultBatch extends SinkBatch {
  readonly sequenceNumbers: readonly string[];
  /** Wall clock of each record's PutRecords. */
  readonly producedAtMs: readonly number[];
}

/** A shard went from one worker to another. Times are the sink's wall clock. */
export interface Move {
  readonly shardId: string;
  readonly from: string;
  readonly to: string;
  /** The old worker's last record. */
  readonly lastOldAtMs: number;
  /** The new worker's first record that had not been processed before; null while there is none. */
  readonly firstNewAtMs: number | null;
  /** What the new worker processed again. */
  readonly duplicates: number;
}

/** A record that was processed again. */
export interface Duplicate {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly epoch: number;
  readonly workerId: string;
  readonly first: { readonly epoch: number; readonly workerId: string };
}

interface OpenMove {
  readonly from: string;
  to: string;
  readonly lastOldAtMs: number;
  firstNewAtMs: number | null;
  duplicates: number;
}

interface Shard {
  readonly seen: Map<string, { readonly epoch: number; readonly workerId: string }>;
  readonly moves: OpenMove[];
  /** When batches with new records came. */
  readonly newAtMs: number[];
  owner: string;
  lastAtMs: number;
}

/** Follows the shards of one run. What counts as a standstill is what peers/kcl/scripts/analyze.py calls `gapMs`. */
export class FaultLedger {
  readonly #shards = new Map<string, Shard>();
  readonly #duplicates: Duplicate[] = [];
  #firstAtMs: number | null = null;
  readonly #latencies: { readonly producedAtMs: number; readonly latencyMs: number }[] = [];

  /** Notes a batch that the sink stored at `atMs`. */
  take(batch: FaultBatch, atMs: number): void {
    const { shardId, workerId, epoch } = batch;
    const shard: Shard = this.#shards.get(shardId) ?? {
      seen: new Map(),
      moves: [],
      newAtMs: [],
      owner: workerId,
      lastAtMs: atMs,
    };
    this.#shards.set(shardId, shard);
    this.#firstAtMs ??= atMs;
    const open = this.#openMove(shard, workerId);
    batch.sequenceNumbers.forEach((sequenceNumber, i) => {
      const first = shard.seen.get(sequenceNumber);
      if (first !== undefined) {
        this.#duplicates.push({ shardId, sequenceNumber, epoch, workerId, first });
        if (open !== null) open.duplicates += 1;
        return;
      }
      shard.seen.set(sequenceNumber, { epoch, workerId });
      if (shard.newAtMs.at(-1) !== atMs) shard.newAtMs.push(atMs);
      if (open !== null) open.firstNewAtMs ??= atMs;
      const producedAtMs = batch.producedAtMs[i] ?? atMs;
      this.#latencies.push({ producedAtMs, latencyMs: atMs - producedAtMs });
    });
    shard.owner = workerId;
    shard.lastAtMs = atMs;
  }

  /** The move that this batch belongs to: begun by it, or not over until something new is processed. */
  #openMove(shard: Shard, workerId: string): OpenMove | null {
    const last = shard.moves.at(-1);
    const isOpen = last !== undefined && last.firstNewAtMs === null;
    if (workerId === shard.owner) return isOpen ? last : null;
    if (isOpen) {
      last.to = workerId;
      return last;
    }
    const begun: OpenMove = { from: shard.owner, to: workerId, lastOldAtMs: shard.lastAtMs, firstNewAtMs: null, duplicates: 0 };
    shard.moves.push(begun);
    return begun;
  }

  /** Every move since the beginning, per shard in its order; none that ended where it began. */
  get moves(): Move[] {
    return [...this.#shards].flatMap(([shardId, { moves }]) =>
      moves.filter(({ from, to }) => from !== to).map((move) => ({ shardId, ...move })),
    );
  }

  /** Every record that was processed again, by its sequence number: a record that the producer put twice is none. */
  get duplicates(): readonly Duplicate[] {
    return this.#duplicates;
  }

  get shardIds(): string[] {
    return [...this.#shards.keys()];
  }

  /** When the first record of all was processed; null before. */
  get firstAtMs(): number | null {
    return this.#firstAtMs;
  }

  /** When a record of this shard was processed for the first time, at last; 0 before the first. */
  lastNewAtMs(shardId: string): number {
    return this.#shards.get(shardId)?.newAtMs.at(-1) ?? 0;
  }

  /** When a record of this shard was processed for the first time, at first; null before. */
  firstNewAtMs(shardId: string): number | null {
    return this.#shards.get(shardId)?.newAtMs[0] ?? null;
  }

  /** The longest that these shards together stood still in this span: between two batches with something new, or to the span's end. */
  standstillMs(shardIds: readonly string[], sinceMs: number, untilMs: number): number {
    const times = shardIds.flatMap((shardId) => this.#shards.get(shardId)?.newAtMs ?? []).sort((a, b) => a - b);
    const before = times.findLast((atMs) => atMs < sinceMs) ?? sinceMs;
    const within = [before, ...times.filter((atMs) => atMs >= sinceMs && atMs < untilMs)];
    const after = times.find((atMs) => atMs >= untilMs) ?? untilMs;
    return Math.max(...within.map((atMs, i) => (within[i + 1] ?? after) - atMs));
  }

  /** From a record's PutRecords to its first processing, for the records put since `sinceMs`. */
  latenciesMs(sinceMs: number): number[] {
    return this.#latencies.filter(({ producedAtMs }) => producedAtMs >= sinceMs).map(({ latencyMs }) => latencyMs);
  }

  /**
   * The duplicates that at-least-once does not explain: processed again under the same epoch, or from before the checkpoint at which the
   * later epoch began. `takenFrom` has that checkpoint of each epoch of a shard.
   */
  unexplained(takenFrom: (shardId: string, epoch: number) => string | undefined): Duplicate[] {
    return this.#duplicates.filter(({ shardId, sequenceNumber, epoch, first }) => {
      const from = takenFrom(shardId, epoch);
      return epoch <= first.epoch || from === undefined || compareCheckpoints(sequenceNumber, from) <= 0;
    });
  }
}
