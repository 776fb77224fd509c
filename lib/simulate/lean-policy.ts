// lib/simulate: the policy that whole streams are compared by.
// in: names, seconds of one operation · out: one policy for every trace, weighed as the score weighs
import { Policy } from '../model/policy.ts';

/** A throttled record counts as much as a hundred idle ones would: the score's own weight. */
const THROTTLED_TO_IDLE = 100;

/** One policy for every trace. Nothing in it is chosen by a trace; `operationSec` is what feedback measures in production. */
export const leanPolicy = (operationSec: number, change: Partial<Policy> = {}): Policy =>
  Policy.parse({
    application: 'simulated',
    streamName: 'simulated',
    mode: 'act',
    throttledToIdle: THROTTLED_TO_IDLE,
    targetUtilization: 0.999,
    coldUtilization: 0.9,
    minLeadTimeSec: 120,
    coldWindowMin: 5,
    mergeCooldownSec: 0,
    maxOperationsPerHour: 1000,
    maxShards: 1000,
    maxReplicationFactor: 1,
    reshardDurationPriorSec: operationSec,
    ...change,
  });
