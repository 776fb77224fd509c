import { describe, expect, it } from 'vitest';
import {
  afterCall,
  afterFailure,
  afterRefusal,
  afterSuccess,
  callDueAtMs,
  newSubscriptionPace,
  renewDueAtMs,
} from '../../lib/consumer/subscription-pace.ts';

describe('subscription pace', () => {
  it('allows the first call at once, and one a second after that', () => {
    expect(callDueAtMs(newSubscriptionPace())).toBe(Number.NEGATIVE_INFINITY);
    expect(callDueAtMs(afterSuccess(afterCall(newSubscriptionPace(), 500), 510))).toBe(1500);
  });

  it('waits after a refusal until five seconds since the last successful call have passed', () => {
    const pace = afterSuccess(afterCall(newSubscriptionPace(), 0), 100);
    expect(callDueAtMs(afterRefusal(afterCall(pace, 1500), 1600))).toBe(5100);
    expect(callDueAtMs(afterRefusal(afterCall(pace, 4500), 4600))).toBe(5600);
  });

  it('waits longer from one refusal by another reader to the next, up to five seconds, and forgets it after a success', () => {
    let pace = newSubscriptionPace();
    const waits = [0, 1, 2, 3, 4].map((i) => {
      const atMs = i * 100_000;
      pace = afterRefusal(afterCall(pace, atMs), atMs);
      return callDueAtMs(pace) - atMs;
    });
    expect(waits).toEqual([1000, 2000, 4000, 5000, 5000]);
    pace = afterSuccess(afterCall(pace, 1e6), 1e6);
    expect(callDueAtMs(afterRefusal(afterCall(pace, 2e6), 2e6))).toBe(2e6 + 1000);
  });

  it('waits the longest at once after an error that does not pass', () => {
    expect(callDueAtMs(afterFailure(afterCall(newSubscriptionPace(), 0), 0, true))).toBe(1000);
    expect(callDueAtMs(afterFailure(afterCall(newSubscriptionPace(), 0), 0, false))).toBe(5000);
  });

  it('renews before the five minutes are over', () => {
    expect(renewDueAtMs(1000)).toBe(286_000);
  });
});
