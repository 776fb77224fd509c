// lib/adapters: what makes an outcome itself, so that a repeated put is the same item.
// in: Outcome · out: its key within its kind, stream and moment
import type { Outcome } from '../model/operation.ts';

/** The operation; for a forecast also series, model and horizon. */
export const outcomeKey = (outcome: Outcome): string =>
  outcome.kind === 'forecast'
    ? `${outcome.operationId}#${outcome.series}#${outcome.model}#${outcome.horizonSec}`
    : outcome.operationId;
