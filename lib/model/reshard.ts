// lib/model: the nouns. The states of a reshard (a split, a merge or a uniform resize), and the one table of its transitions; infra draws the machine from it.
import { z } from 'zod';
import { MergeAction, ResizeAction, SplitAction } from './plan.ts';

/**
 * ```
 * guarding ─clear─► changing ─changed─► updating ─active─► leasing ─leased─► draining ─drained─► retiring ─retired─► done
 *    │refused            │refused          │↺ waiting                           │↺ waiting
 *    └────► refused ◄────┘                 └timedOut──────────► failed ◄────────┘timedOut
 * ```
 */
export const reshardTransitions = {
  guarding: { clear: 'changing', refused: 'refused' },
  changing: { changed: 'updating', refused: 'refused' },
  updating: { waiting: 'updating', active: 'leasing', timedOut: 'failed' },
  leasing: { leased: 'draining' },
  draining: { waiting: 'draining', drained: 'retiring', timedOut: 'failed' },
  retiring: { retired: 'done' },
  refused: {},
  failed: {},
  done: {},
} as const;
export type ReshardState = keyof typeof reshardTransitions;

export const reshardStateNames = {
  guarding: 'Guard',
  changing: 'Change',
  updating: 'AwaitActive',
  leasing: 'CreateChildLeases',
  draining: 'AwaitDrain',
  retiring: 'RetireParents',
  refused: 'Refused',
  failed: 'Failed',
  done: 'Done',
} as const satisfies Record<ReshardState, string>;

/** The input of one execution of the reshard machine. */
export const ReshardInput = z.object({
  operationId: z.string().min(1).max(80),
  application: z.string(),
  streamName: z.string(),
  action: z.discriminatedUnion('kind', [SplitAction, MergeAction, ResizeAction]),
});
export type ReshardInput = z.output<typeof ReshardInput>;
