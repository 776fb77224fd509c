// lib/simulate: a Kinesis stream that keeps the real limits on resharding.
// in: splits and merges · out: its shards as time goes by
//
// One operation at a time, only while ACTIVE, each takes its time; a split only strictly inside a range, a merge only of neighbours, a resize to at least half and
// at most twice as many, ten times in 24 hours (SDK: SplitShard, MergeShards, UpdateShardCount). What breaks a limit is our planner's bug, and throws.
import { InvariantError } from '../errors.ts';
import { contains, type HashKeyRange, intersection, slicesOf, WHOLE_RANGE } from '../model/hash-key-range.ts';
import type { ReshardAction } from '../model/plan.ts';
import type { Shard, StreamDescription } from '../model/shard.ts';

interface Change {
  readonly action: ReshardAction;
  readonly endsAtMs: number;
}

const RESIZES_PER_WINDOW = 10;
const RESIZE_WINDOW_MS = 24 * 3_600_000;

/** The shards of a simulated stream. Only open ones are kept; ids are never used twice. */
export class SimulatedStream {
  readonly streamName: string;
  private open: Shard[];
  private created: number;
  private change: Change | null = null;
  private ended: Shard[] = [];
  private resizedAtMs: number[] = [];

  constructor(streamName: string, shardCount: number) {
    this.streamName = streamName;
    this.created = shardCount;
    this.open = slicesOf(WHOLE_RANGE, shardCount).map((hashKeyRange, i) => ({
      shardId: shardIdOf(i),
      parents: [],
      hashKeyRange,
      closed: false,
    }));
  }

  /** The open shards in hash order. */
  get shards(): readonly Shard[] {
    return this.open;
  }

  /** When the operation under way ends; null when there is none. */
  get busyUntilMs(): number | null {
    return this.change?.endsAtMs ?? null;
  }

  /** As DescribeStreamSummary and ListShards would tell it. */
  describe(): StreamDescription {
    return {
      streamName: this.streamName,
      streamArn: `arn:aws:kinesis:us-east-1:000000000000:stream/${this.streamName}`,
      status: this.change === null ? 'ACTIVE' : 'UPDATING',
      mode: 'PROVISIONED',
      retentionHours: 24,
      shards: this.open,
    };
  }

  /** Begins a split, a merge or a resize. */
  begin(action: ReshardAction, durationMs: number, nowMs: number): void {
    if (this.change !== null)
      throw new InvariantError(`a ${action.kind} was planned while ${this.change.action.actionId} is under way`);
    if (action.kind === 'resize') this.checkResize(action.targetCount, nowMs);
    for (const shardId of this.parentsOf(action))
      if (!this.open.some((shard) => shard.shardId === shardId))
        throw new InvariantError(`${action.actionId} names ${shardId}, which is not open`);
    if (action.kind === 'split') {
      const { hashKeyRange } = this.find(action.shardId);
      if (!contains(hashKeyRange, action.newStartingHashKey) || action.newStartingHashKey === hashKeyRange.startingHashKey)
        throw new InvariantError(`${action.actionId} splits at ${action.newStartingHashKey}, outside of ${action.shardId}`);
    } else if (action.kind === 'merge') {
      const lower = this.find(action.shardId).hashKeyRange;
      const upper = this.find(action.adjacentShardId).hashKeyRange;
      if (lower.endingHashKey + 1n !== upper.startingHashKey)
        throw new InvariantError(`${action.actionId} merges shards that are no neighbours`);
    }
    this.change = { action, endsAtMs: nowMs + durationMs };
  }

  /** Ends the operation whose time has come and returns its action, its parents and its children; null when none has. */
  endDue(nowMs: number): { action: ReshardAction; children: readonly Shard[] } | null {
    if (this.change === null || this.change.endsAtMs > nowMs) return null;
    const { action } = this.change;
    const parents = this.parentsOf(action);
    const children = this.rangesAfter(action).map((hashKeyRange) => ({
      shardId: shardIdOf(this.created++),
      // Of a resize, the shards that a child's range lay in.
      parents: parents.filter((shardId) => intersection(this.find(shardId).hashKeyRange, hashKeyRange) !== null),
      hashKeyRange,
      closed: false,
    }));
    const at = this.open.findIndex((shard) => shard.shardId === parents[0]);
    this.ended = this.open.splice(at, parents.length, ...children);
    this.change = null;
    return { action, children };
  }

  private rangesAfter(action: ReshardAction): HashKeyRange[] {
    if (action.kind === 'resize') return slicesOf(WHOLE_RANGE, action.targetCount);
    const { startingHashKey, endingHashKey } = this.find(action.shardId).hashKeyRange;
    if (action.kind === 'merge')
      return [{ startingHashKey, endingHashKey: this.find(action.adjacentShardId).hashKeyRange.endingHashKey }];
    return [
      { startingHashKey, endingHashKey: action.newStartingHashKey - 1n },
      { startingHashKey: action.newStartingHashKey, endingHashKey },
    ];
  }

  private parentsOf(action: ReshardAction): string[] {
    if (action.kind === 'resize') return this.open.map(({ shardId }) => shardId);
    return action.kind === 'merge' ? [action.shardId, action.adjacentShardId] : [action.shardId];
  }

  private checkResize(targetCount: number, nowMs: number): void {
    const { length } = this.open;
    if (targetCount > 2 * length || targetCount < length / 2)
      throw new InvariantError(`a resize of ${length} shards to ${targetCount} was planned, allowed are half to twice as many`);
    this.resizedAtMs = this.resizedAtMs.filter((atMs) => nowMs - atMs < RESIZE_WINDOW_MS);
    if (this.resizedAtMs.push(nowMs) > RESIZES_PER_WINDOW)
      throw new InvariantError(
        `resize ${this.resizedAtMs.length} within 24 hours was planned, allowed are ${RESIZES_PER_WINDOW}`,
      );
  }

  private find(shardId: string): Shard {
    const shard = [...this.open, ...this.ended].find((one) => one.shardId === shardId);
    if (shard === undefined) throw new InvariantError(`no shard ${shardId}`);
    return shard;
  }
}

const shardIdOf = (index: number): string => `shardId-${index.toString().padStart(12, '0')}`;
