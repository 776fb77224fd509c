// functions: the last step of every handover, after Resume or Restore.
// in: how it ended, and the two workers' stamps from the lease item · out: outcome recorded, operation ended, metrics
import { z } from 'zod';
import { handoverStateNames } from '../lib/model/handover.ts';
import type { HandoverOutcome } from '../lib/model/operation.ts';
import type { MetricPoint, Ports } from '../lib/ports.ts';
import { readinessTold } from '../lib/shadow/readiness.ts';
import { type Task, task } from './shell.ts';

/** DynamoDB's numbers come as text; what was never stamped comes as null. */
const Stamp = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number),
  ])
  .nullish();

const Input = z.object({
  handoverId: z.string(),
  application: z.string(),
  streamName: z.string(),
  shardId: z.string(),
  source: z.string(),
  target: z.string(),
  requestedAtMs: z.number(),
  end: z.enum(['moved', 'restored', 'abandoned']),
  /** The state that did not end well, and how. */
  failedIn: z.string().nullish(),
  error: z.string().nullish(),
  cause: z.string().nullish(),
  pausedAtMs: Stamp,
  activatedAtMs: Stamp,
});
type Recorded = { readonly kind: 'recorded'; readonly result: HandoverOutcome['result']; readonly diverged: boolean };

const CAUSE_CHARACTERS = 500;

/** What a caller reads in the operation. */
const resultOf = (input: z.output<typeof Input>, pauseMs: number | undefined, notReady: string | null): string => {
  const { shardId, source, target, end } = input;
  if (end === 'moved')
    return `${shardId} moved from ${source} to ${target}${pauseMs === undefined ? '' : `, paused for ${Math.round(pauseMs)} ms`}`;
  const why =
    `${input.failedIn ?? 'the handover'} failed: ${input.error ?? 'unknown'} ${(input.cause ?? '').slice(0, CAUSE_CHARACTERS)}`.trim();
  if (end === 'restored') return `${source} processes ${shardId} on; ${why}`;
  return `nothing was changed; ${why}${notReady === null ? '' : `: ${notReady}`}`;
};

/** What kept the target from answering in Prepare, by its last word on the lease item; null where nothing there says so. */
const whyNotReady = async (
  input: z.output<typeof Input>,
  ports: Ports,
  nowMs: number,
  signal: AbortSignal,
): Promise<string | null> => {
  if (input.end !== 'abandoned' || input.failedIn !== handoverStateNames.preparing) return null;
  const [lease] = await ports.leases.get(input, [input.shardId], signal);
  if (lease === undefined) return `shard ${input.shardId} has no lease any more`;
  const ready = readinessTold(lease, nowMs);
  return ready.kind === 'not-ready' ? ready.detail : null;
};

export const handoverRecord = {
  name: 'handover-record',
  input: Input,
  run: async (input, { ports, nowMs, signal }): Promise<Recorded> => {
    const { application, streamName, handoverId, shardId, source, target, end, pausedAtMs, activatedAtMs } = input;
    const moved = end === 'moved';
    // Two machines' clocks: a negative pause says only that they differ.
    const pauseMs = moved && pausedAtMs != null && activatedAtMs != null ? Math.max(0, activatedAtMs - pausedAtMs) : undefined;
    // Restored means that the item still showed this handover after the comparison: what differed was the marks.
    const diverged =
      input.failedIn === 'VerifyConsistency' && (input.error ?? '').includes('ConditionalCheckFailed') && end === 'restored';
    const notReady = await whyNotReady(input, ports, nowMs, signal);
    const operation = await ports.operations.get(input, handoverId, signal);
    const outcome: HandoverOutcome = {
      kind: 'handover',
      streamName,
      atMs: nowMs,
      operationId: handoverId,
      result: end,
      shardId,
      source,
      target,
      trigger: operation?.trigger ?? 'request',
      ...(pauseMs !== undefined && { pauseMs }),
      durationMs: Math.max(0, nowMs - input.requestedAtMs),
    };
    await ports.outcomes.put([outcome], signal);
    const dimensions = { Application: application, StreamName: streamName };
    const count = (name: string, value: number): MetricPoint => ({ name, value, unit: 'Count', dimensions, atMs: nowMs });
    await ports.metrics.publish(
      [
        count('Handovers', moved ? 1 : 0),
        count('HandoverFailed', moved ? 0 : 1),
        count('ShadowDiverged', diverged ? 1 : 0),
        ...(pauseMs === undefined
          ? []
          : [{ name: 'HandoverPause', value: pauseMs, unit: 'Milliseconds' as const, dimensions, atMs: nowMs }]),
      ],
      signal,
    );
    if (operation !== null)
      await ports.operations.update(
        input,
        handoverId,
        { status: moved ? 'succeeded' : 'failed', result: resultOf(input, pauseMs, notReady), endedAtMs: nowMs },
        signal,
      );
    return { kind: 'recorded', result: end, diverged };
  },
} satisfies Task<typeof Input, Recorded>;

export const handler = task(handoverRecord);
