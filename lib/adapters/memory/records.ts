// lib/adapters/memory: what the control plane keeps, in memory: policies, plans, operations, outcomes, reports of profiles.
// in: the stores' calls · out: the same answers as a table's
import { PoisonError } from '../../errors.ts';
import type { Operation, Outcome } from '../../model/operation.ts';
import type { Plan } from '../../model/plan.ts';
import type { Policy } from '../../model/policy.ts';
import { type ProfileReport, ProfileSummary } from '../../model/profile-report.ts';
import type { OperationStore, OutcomeStore, PlanStore, PolicyStore, ProfileReportStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { outcomeKey } from '../outcome-key.ts';

/** Newest first; of one moment, the larger key first, as a table read backwards gives them. */
const newest = <T>(all: Iterable<T>, atOf: (item: T) => number, keyOf: (item: T) => string, limit: number): T[] =>
  [...all]
    .sort((a, b) => atOf(b) - atOf(a) || (keyOf(a) < keyOf(b) ? 1 : -1))
    .slice(0, limit)
    .map((item) => structuredClone(item));

/** Policies by group. */
export const memoryPolicies = (): PolicyStore => {
  const stored = new Map<string, Policy>();
  return {
    put: async (policy) => {
      stored.set(groupKey(policy), structuredClone(policy));
    },
    get: async (group) => structuredClone(stored.get(groupKey(group)) ?? null),
  };
};

/** Plans by group and id. */
export const memoryPlans = (): PlanStore => {
  const stored = new Map<string, Plan>();
  return {
    put: async (plan) => {
      stored.set(`${groupKey(plan)} ${plan.createdAtMs} ${plan.planId}`, structuredClone(plan));
    },
    recent: async (group, limit) =>
      newest(
        [...stored.values()].filter((plan) => groupKey(plan) === groupKey(group)),
        (plan) => plan.createdAtMs,
        (plan) => plan.planId,
        limit,
      ),
  };
};

/** Operations by group and id. */
export const memoryOperations = (): OperationStore => {
  const stored = new Map<string, Operation>();
  return {
    create: async (operation) => {
      const key = `${groupKey(operation)} ${operation.operationId}`;
      const existing = stored.get(key);
      if (existing !== undefined) return { kind: 'exists', operation: structuredClone(existing) };
      stored.set(key, structuredClone(operation));
      return { kind: 'created' };
    },
    update: async (group, operationId, change) => {
      const key = `${groupKey(group)} ${operationId}`;
      const existing = stored.get(key);
      if (existing === undefined) throw new PoisonError(`operation ${operationId} of ${groupKey(group)} is not there`);
      const told = Object.fromEntries(Object.entries(change).filter(([, to]) => to !== undefined));
      stored.set(key, { ...existing, ...told });
    },
    get: async (group, operationId) => structuredClone(stored.get(`${groupKey(group)} ${operationId}`) ?? null),
    recent: async (group, limit) =>
      newest(
        [...stored.values()].filter((operation) => groupKey(operation) === groupKey(group)),
        (operation) => operation.acceptedAtMs,
        (operation) => operation.operationId,
        limit,
      ),
  };
};

/** Outcomes by stream and kind. */
export const memoryOutcomes = (): OutcomeStore => {
  const stored = new Map<string, Outcome>();
  return {
    put: async (outcomes) => {
      for (const outcome of outcomes)
        stored.set(`${outcome.kind} ${outcome.streamName} ${outcome.atMs} ${outcomeKey(outcome)}`, structuredClone(outcome));
    },
    recent: async (streamName, kind, limit) =>
      newest(
        [...stored.values()].filter((outcome) => outcome.streamName === streamName && outcome.kind === kind),
        (outcome) => outcome.atMs,
        outcomeKey,
        limit,
      ),
  };
};

/** Reports of profiles by group and id. */
export const memoryProfileReports = (): ProfileReportStore => {
  const stored = new Map<string, ProfileReport>();
  return {
    put: async (report) => {
      stored.set(`${groupKey(report)} ${report.profileId}`, structuredClone(report));
    },
    get: async (group, profileId) => structuredClone(stored.get(`${groupKey(group)} ${profileId}`) ?? null),
    recent: async (group, limit) =>
      newest(
        [...stored.values()].filter((report) => groupKey(report) === groupKey(group)),
        (report) => report.requestedAtMs,
        (report) => report.profileId,
        limit,
      ).map((report) => ProfileSummary.parse(report)),
  };
};
