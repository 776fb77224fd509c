// lib/adapters/aws: whether this machine's wall clock is right, by the Date of the answers.
// in: when servers answered · out: a finding when the clock is off
import type { Finding } from '../../model/finding.ts';
import type { ServerTime } from './preflight-ask.ts';

/** A Date is cut to whole seconds. */
const DATE_STEP_MS = 1_000;
/** Lags, the minutes of the demand and the reports' ages are off by as much; the control plane looks twice at a report older than 30 s. */
const SAID_MS = 5_000;
/** Demand is counted into the wrong minutes, and spoils the forecasts; from 5 minutes on AWS refuses the signatures. Leases are safe at any skew: they go by monotonic clocks. */
const FATAL_MS = 60_000;

/** The least by which a clock must be off to have read these times: above 0 it is ahead. */
const leastSkewMs = ({ sentAtMs, serverAtMs, receivedAtMs }: ServerTime): number => {
  const aheadMs = sentAtMs - (serverAtMs + DATE_STEP_MS);
  const behindMs = receivedAtMs - serverAtMs;
  return aheadMs > 0 ? aheadMs : Math.min(behindMs, 0);
};

/** The median of the answers decides: one server with a wrong clock, or a clock that is being set, does not. */
export const clockFindings = (times: readonly ServerTime[]): Finding[] => {
  const skews = times.map(leastSkewMs).sort((a, b) => a - b);
  const skewMs = skews[Math.floor(skews.length / 2)] ?? 0;
  if (Math.abs(skewMs) <= SAID_MS) return [];
  return [
    {
      kind: 'clock-wrong',
      what: 'the wall clock of this machine',
      received: `${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} AWS`,
      allowed: `at most ${SAID_MS / 1000} s, and never more than ${FATAL_MS / 1000} s`,
      doThis:
        'set it by NTP (chrony with the Amazon Time Sync Service at 169.254.169.123; on Fargate it is set: check a faked clock)',
      fatal: Math.abs(skewMs) > FATAL_MS,
    },
  ];
};
