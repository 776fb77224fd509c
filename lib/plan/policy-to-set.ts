// lib/plan: a policy as someone sets it: what the model's schema cannot see because it needs a calendar or prices.
// in: a policy · out: the same, or every contradiction with both values
import { Cron } from 'croner';
import type { z } from 'zod';
import { type BlackoutCron, EVEN_IF_WRONG, Policy, soundOf } from '../model/policy.ts';
import { HOURS_PER_MONTH, PRICES } from './prices.ts';
import { dollars } from './sentences.ts';

/** A leap year that begins on a Saturday: patterns are compared over it, by no clock. */
const YEAR_FROM_MS = Date.UTC(2028, 0, 1);
/** Of a pattern that comes back more often, the first so many are compared. */
const OCCURRENCES = 1500;
const MINUTE_MS = 60_000;

interface Window {
  readonly fromMs: number;
  readonly untilMs: number;
}
type Read = { readonly kind: 'windows'; readonly windows: readonly Window[] } | { readonly kind: 'wrong'; readonly why: string };

const isTimeZone = (timeZone: string): boolean => Intl.supportedValuesOf('timeZone').includes(timeZone) || timeZone === 'UTC';

const occurrencesOf = ({ cron, timeZone, durationMin }: BlackoutCron): Read => {
  if (!isTimeZone(timeZone)) return { kind: 'wrong', why: `timeZone must be one of the IANA names, got ${timeZone}` };
  try {
    const starts = new Cron(cron, { timezone: timeZone, paused: true, mode: '5-part' }).nextRuns(
      OCCURRENCES,
      new Date(YEAR_FROM_MS),
    );
    if (starts.length === 0) return { kind: 'wrong', why: `cron must come back, got ${cron}, which never does` };
    return {
      kind: 'windows',
      windows: starts.map((start) => ({ fromMs: start.getTime(), untilMs: start.getTime() + durationMin * MINUTE_MS })),
    };
  } catch (error) {
    return { kind: 'wrong', why: `cron must be a pattern of five fields, got ${cron}: ${(error as Error).message}` };
  }
};

/** When two sorted lists of windows first hold at once; null when they do not. */
const firstOverlap = (a: readonly Window[], b: readonly Window[]): number | null => {
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i]!.fromMs < b[j]!.untilMs && b[j]!.fromMs < a[i]!.untilMs) return Math.max(a[i]!.fromMs, b[j]!.fromMs);
    if (a[i]!.untilMs <= b[j]!.untilMs) i++;
    else j++;
  }
  return null;
};

const spoken = ({ cron, timeZone, durationMin }: BlackoutCron): string => `"${cron}" ${timeZone} for ${durationMin} min`;
const when = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;

const checkCalendar = (policy: z.output<typeof Policy>, contradiction: (path: (string | number)[], message: string) => void) => {
  const crons = policy.blackoutCrons ?? [];
  const read = crons.map(occurrencesOf);
  crons.forEach((one, i) => {
    const own = read[i]!;
    if (own.kind === 'wrong') {
      contradiction(['blackoutCrons', i], own.why);
      return;
    }
    const early = own.windows.find((window, k) => k > 0 && window.fromMs < own.windows[k - 1]!.untilMs);
    if (early !== undefined)
      contradiction(
        ['blackoutCrons', i],
        `must end before it begins again, got ${spoken(one)}, which begins again at ${when(early.fromMs)}`,
      );
    crons.slice(0, i).forEach((other, j) => {
      const others = read[j]!;
      const atMs = others.kind === 'windows' ? firstOverlap(own.windows, others.windows) : null;
      if (atMs !== null)
        contradiction(
          ['blackoutCrons', i],
          `must not overlap blackoutCrons.${j}, got ${spoken(one)} and ${spoken(other)}, which both hold at ${when(atMs)}`,
        );
    });
    policy.blackouts.forEach(({ fromMs, untilMs }, j) => {
      const before = new Date(fromMs - one.durationMin * MINUTE_MS);
      const start = new Cron(one.cron, { timezone: one.timeZone, paused: true, mode: '5-part' }).nextRun(before);
      if (start !== null && start.getTime() < untilMs)
        contradiction(
          ['blackoutCrons', i],
          `must not overlap blackouts.${j}, got ${spoken(one)} and ${when(fromMs)} to ${when(untilMs)}`,
        );
    });
  });
};

const checkMoney = (policy: z.output<typeof Policy>, contradiction: (path: (string | number)[], message: string) => void) => {
  const { budgetUsdPerMonth, minShards } = policy;
  const leastUsd = minShards * (policy.prices?.shardHour ?? PRICES.shardHour) * HOURS_PER_MONTH;
  if (budgetUsdPerMonth !== undefined && budgetUsdPerMonth < leastUsd)
    contradiction(
      ['budgetUsdPerMonth'],
      `must be enough for minShards, got ${dollars(budgetUsdPerMonth)} and minShards ${minShards}, which cost ${dollars(leastUsd)}`,
    );
};

/** A policy that can be kept: its blackouts exist and do not overlap, its money is enough for its shards. */
export const PolicyToSet = Policy.superRefine((policy, context) => {
  const contradiction = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  const sound = soundOf(context.issues);
  if (sound('blackouts', 'blackoutCrons')) checkCalendar(policy, contradiction);
  if (sound('budgetUsdPerMonth', 'minShards', 'prices')) checkMoney(policy, contradiction);
}, EVEN_IF_WRONG);
