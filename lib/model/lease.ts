// lib/model: the nouns. The lease: who processes a shard now, and the one item that decides it.
// in: the DynamoDB item · out: its schema and type
import { z } from 'zod';
import { HandoverPhase } from './handover.ts';
import { HashKeyRange } from './hash-key-range.ts';
import { Checkpoint } from './sequence-number.ts';

/** Which application's reading of which stream: the partition key of the lease and worker tables. */
export const Group = z.object({ application: z.string().min(1), streamName: z.string().min(1) });
export type Group = z.output<typeof Group>;

/** A point of a digest chain: `count` records after the chain's start up to and including `sequenceNumber`, and their digest (16 hex digits). */
export const Mark = z.object({
  sequenceNumber: Checkpoint,
  count: z.number().int().min(0),
  digest: z.string().regex(/^[0-9a-f]{16}$/),
});
export type Mark = z.output<typeof Mark>;

/** `requested` → (owner opens the chain) → `opened` → (shadow reads) → `tracking`; `diverged` is final and raises an alarm. */
export const ShadowState = z.enum(['requested', 'opened', 'tracking', 'diverged']);
export type ShadowState = z.output<typeof ShadowState>;

/** A standby shadow of a shard: its own full copy on another worker, checksummed, not processed until activated. */
export const Shadow = z.object({
  workerId: z.string().min(1),
  state: ShadowState,
  /** Why it exists: `handover` before a move, `replication` for its own sake, `request` by a person. */
  purpose: z.enum(['handover', 'replication', 'request']),
  requestedAtMs: z.number(),
  /** The chain's start: owner and shadow digest every record after it. Set by the owner when it opens the chain. */
  from: Checkpoint.optional(),
  /** The last mark of the owner that the shadow found equal to its own. */
  verifiedThrough: Mark.optional(),
  verifiedAtMs: z.number().optional(),
  /** Records and bytes that the shadow holds in memory, and how many milliseconds it is behind the tip. */
  bufferedRecords: z.number().optional(),
  bufferedBytes: z.number().optional(),
  lagMs: z.number().optional(),
  /** Set with state `diverged`: the two marks that differ. */
  divergence: z.object({ owner: Mark, shadow: Mark }).optional(),
});
export type Shadow = z.output<typeof Shadow>;

/** A handover under way on this lease. `epoch` is the owner's epoch when it began; `pauseBudgetMs` counts on the owner's own clock. */
export const Handover = z.object({
  id: z.string().min(1),
  phase: HandoverPhase,
  source: z.string(),
  target: z.string(),
  epoch: z.number().int(),
  pauseBudgetMs: z.number(),
  taskToken: z.string().optional(),
  /** The target drives it by itself; missing: the Step Functions machine does, by callbacks. */
  driver: z.literal('target').optional(),
  armed: z.boolean().optional(),
  drained: Mark.optional(),
  proof: Mark.optional(),
  requestedAtMs: z.number(),
  /** Wall clock when the source stopped dispatching, and of the target's first possible dispatch: their difference is the pause. */
  pausedAtMs: z.number().optional(),
  activatedAtMs: z.number().optional(),
});
export type Handover = z.output<typeof Handover>;

/** `pending`: assigned, waits for its parents' end. `active`: its owner dispatches. `ended`: SHARD_END is checkpointed. */
export const LeaseState = z.enum(['pending', 'active', 'ended']);
export type LeaseState = z.output<typeof LeaseState>;

/** One shard's lease. `owner` missing: nobody's; `epoch` grows by one at each change of owner and is the fencing token. */
export const Lease = z.object({
  application: z.string(),
  streamName: z.string(),
  shardId: z.string().min(1),
  hashKeyRange: HashKeyRange,
  parents: z.array(z.string()),
  owner: z.string().optional(),
  epoch: z.number().int().min(0),
  state: LeaseState,
  checkpoint: Checkpoint,
  /** Within an aggregated record: the last processed sub-record, when the record is not finished. */
  subSequenceNumber: z.number().int().optional(),
  /** The owner's published point of the digest chain, as of `checkpoint`. */
  mark: Mark.optional(),
  checkpointAtMs: z.number().optional(),
  replicationFactor: z.number().int().min(1),
  shadow: Shadow.optional(),
  handover: Handover.optional(),
  /** A split or merge of this shard is under way: who is to own the children, in order of their ranges. Excludes a handover. */
  reshard: z.object({ operationId: z.string(), childOwners: z.array(z.string()) }).optional(),
  createdAtMs: z.number(),
  endedAtMs: z.number().optional(),
  /** When the stream was created that this shard belongs to: a lease of a former stream of the same name differs in it. */
  streamCreatedAtMs: z.number().optional(),
});
export type Lease = z.output<typeof Lease>;
