// lib/model: the nouns. The states of a handover, and the one table of its transitions.
// infra draws the Step Functions machine from it, lib/handover acts by it, a test compares all of them.
import { z } from 'zod';

/**
 * ```
 * preparing ─ready─► pausing ─drained─► redirecting ─redirected─► verifying ─matched─► activating ─activated─► deactivating ─released─► resuming ─resumed─► done
 *     │timedOut         │timedOut            │contested              │diverged           │refused                 │timedOut► resuming
 *     └────────────────┴─────────► restoring ◄┴──────────────────────┴───────────────────┘
 *                                      │ restored ► abandoned          │ activated (it was past the point of no return) ► deactivating
 * ```
 * The point of no return is the target's own `activate` write; it and Restore exclude each other on the lease item.
 */
export const handoverTransitions = {
  preparing: { ready: 'pausing', timedOut: 'restoring' },
  pausing: { drained: 'redirecting', timedOut: 'restoring' },
  redirecting: { redirected: 'verifying', contested: 'restoring' },
  verifying: { matched: 'activating', diverged: 'restoring' },
  activating: { activated: 'deactivating', refused: 'restoring' },
  deactivating: { released: 'resuming', timedOut: 'resuming' },
  resuming: { resumed: 'done' },
  restoring: { restored: 'abandoned', activated: 'deactivating' },
  abandoned: {},
  done: {},
} as const;
export type HandoverState = keyof typeof handoverTransitions;

/** The name of each state in Step Functions, in the seed's words. */
export const handoverStateNames = {
  preparing: 'Prepare',
  pausing: 'PauseIngestion',
  redirecting: 'RedirectStream',
  verifying: 'VerifyConsistency',
  activating: 'ActivateProcessing',
  deactivating: 'DeactivatePartition',
  resuming: 'ResumeIngestion',
  restoring: 'Restore',
  abandoned: 'Abandoned',
  done: 'Done',
} as const satisfies Record<HandoverState, string>;

/** The phase as the lease item shows it while a handover is under way. `activated` is past the point of no return. */
export const HandoverPhase = z.enum(['preparing', 'pausing', 'redirected', 'verified', 'activating', 'activated', 'released']);
export type HandoverPhase = z.output<typeof HandoverPhase>;

/** The phases before the point of no return, in which Restore may still bring the source back. */
export const RESTORABLE_AFTER_REDIRECT = ['redirected', 'verified', 'activating'] as const satisfies HandoverPhase[];
export const RESTORABLE_BEFORE_REDIRECT = ['preparing', 'pausing'] as const satisfies HandoverPhase[];

/** The input of one execution of the handover machine. `handoverId` is the action's id and the execution's name. */
export const HandoverInput = z.object({
  handoverId: z.string().min(1).max(80),
  application: z.string(),
  streamName: z.string(),
  shardId: z.string(),
  group: z.string(),
  source: z.string(),
  target: z.string(),
  epoch: z.number().int(),
  requestedAtMs: z.number(),
});
export type HandoverInput = z.output<typeof HandoverInput>;
