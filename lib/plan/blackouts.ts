// lib/plan: times in which the policy lets nothing be done.
// in: policy, now · out: the blackout that holds, with its end
import { Cron } from 'croner';
import type { Policy } from '../model/policy.ts';

/** A blackout and its end. */
export interface Blackout {
  readonly untilMs: number;
  readonly reason: string;
}

const MINUTE_MS = 60_000;

/** The blackout that holds now and ends last; null when none does. A recurring one begins at its cron's minute and lasts its duration. */
export const blackoutAt = ({ blackouts, blackoutCrons = [] }: Policy, nowMs: number): Blackout | null => {
  const once = blackouts.filter(({ fromMs, untilMs }) => nowMs >= fromMs && nowMs < untilMs);
  const recurring = blackoutCrons.flatMap(({ cron, timeZone, durationMin, reason }) => {
    const [start] = new Cron(cron, { timezone: timeZone, paused: true, mode: '5-part' }).previousRuns(1, new Date(nowMs + 1000));
    if (start === undefined) return [];
    const untilMs = start.getTime() + durationMin * MINUTE_MS;
    return start.getTime() <= nowMs && nowMs < untilMs ? [{ untilMs, reason }] : [];
  });
  return [...once, ...recurring].reduce<Blackout | null>(
    (last, { untilMs, reason }) => (last === null || untilMs > last.untilMs ? { untilMs, reason } : last),
    null,
  );
};
