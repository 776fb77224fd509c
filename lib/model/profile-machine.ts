// lib/model: the nouns. The states of a profile (a profiling shadow from its creation to what is decided by it), and the one table of its transitions; infra draws the machine from it.
import { z } from 'zod';
import { ProfilingRequest, ProfilingRun } from './profiling.ts';

/**
 * ```
 * creating ─created─► warming ─warm─► observing ─over─► stopping ─stopped─► analysing ─analysed─► deciding ─decided─► done
 *    │refused            │↺ waiting     │↺ waiting        │↺ waiting
 *    └─► refused         └─over────────►└────────────────►┘
 * ```
 * Any error leads to `cleaning`, which ends the run if it still lives, and from there to `failed`.
 */
export const profileTransitions = {
  creating: { created: 'warming', refused: 'refused' },
  warming: { waiting: 'warming', warm: 'observing', over: 'stopping' },
  observing: { waiting: 'observing', over: 'stopping' },
  stopping: { waiting: 'stopping', stopped: 'analysing' },
  analysing: { analysed: 'deciding' },
  deciding: { decided: 'done' },
  cleaning: { cleaned: 'failed' },
  refused: {},
  failed: {},
  done: {},
} as const;
export type ProfileState = keyof typeof profileTransitions;

export const profileStateNames = {
  creating: 'Create',
  warming: 'Warm',
  observing: 'Observe',
  stopping: 'Stop',
  analysing: 'Analyse',
  deciding: 'Decide',
  cleaning: 'CleanUp',
  refused: 'Refused',
  failed: 'Failed',
  done: 'Done',
} as const satisfies Record<ProfileState, string>;

/** The input of one execution of the profile machine. `operationId` is the run's id and the execution's name. */
export const ProfileInput = z.object({
  operationId: z.string().min(1).max(80),
  application: z.string(),
  streamName: z.string(),
  shardId: z.string(),
  hostId: z.string(),
  request: ProfilingRequest,
  trigger: ProfilingRun.shape.trigger,
  reason: z.string(),
});
export type ProfileInput = z.output<typeof ProfileInput>;
