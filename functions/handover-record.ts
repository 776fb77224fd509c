// functions: the last step of every handover, after Resume or Restore.
// in: how it ended, and the two workers' stamps from the lease item · out: outcome recorded, operation ended, metrics
import { z } from 'zod';
import type { HandoverOutcome } from '../lib/model/operation.ts';
import type { MetricPoint } from '../lib/ports.ts';
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
const resultOf = (input: z.output<typeof Input>, pauseMs: number | undefined): string => {
  const { shardId, source, target, end } = input;
  if (end === 'moved')
    return `${shardId} moved from ${source} to ${target}${pauseMs === undefined ? '' : `, paused for ${Math.round(pauseMs)} ms`}`;
  const why =
    `${input.failedIn ?? 'the handover'} failed: ${input.error ?? 'unknown'} ${(input.cause ?? '').slice(0, CAUSE_CHARACTERS)}`.trim();
  return end === 'restored' ? `${source} processes ${shardId} on; ${why}` : `nothing was changed; ${why}`;
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
        { status: moved ? 'succeeded' : 'failed', result: resultOf(input, pauseMs), endedAtMs: nowMs },
        signal,
      );
    return { kind: 'recorded', result: end, diverged };
  },
} satisfies Task<typeof Input, Recorded>;

export const handler = task(handoverRecord);
