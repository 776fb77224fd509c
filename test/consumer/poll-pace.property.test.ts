import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterAnswer,
  afterRead,
  afterThrottle,
  OWNER_SHARE,
  type Pace,
  paceOf,
  pollDueAtMs,
  readAllowedAtMs,
  SHADOW_SHARE,
  WHOLE_SHARE,
  withShare,
} from '../../lib/consumer/poll-pace.ts';

const MIB = 1024 * 1024;
const IDLE_MS = 250;

/** What happens at one read: how long it took, and what came of it. */
const outcome = fc.record({
  tookMs: fc.integer({ min: 0, max: 400 }),
  restMs: fc.integer({ min: 0, max: 1500 }),
  throttled: fc.boolean(),
  outOfTurn: fc.boolean(),
  bytes: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10 * MIB })),
  millisBehindLatest: fc.constantFrom(0, 0, 5000),
});
const share = fc.constantFrom(WHOLE_SHARE, OWNER_SHARE, SHADOW_SHARE);

interface Read {
  readonly atMs: number;
  readonly answeredAtMs: number;
  readonly bytes: number;
  readonly throttled: boolean;
  readonly outOfTurn: boolean;
  readonly dueAtMs: number;
  readonly behind: boolean;
}

/** A reader that keeps to its pace. `eager`: it reads at the first allowed moment. */
const run = (start: Pace, outcomes: readonly Parameters<typeof step>[1][], eager: boolean) => {
  let pace = start;
  let nowMs = 0;
  const reads: Read[] = [];
  for (const each of outcomes) {
    const done = step({ pace, nowMs }, each, eager);
    pace = done.pace;
    nowMs = done.nowMs;
    reads.push(done.read);
  }
  return { reads, pace, nowMs };
};
const step = (
  { pace, nowMs }: { pace: Pace; nowMs: number },
  what: {
    tookMs: number;
    restMs: number;
    throttled: boolean;
    outOfTurn: boolean;
    bytes: number;
    millisBehindLatest: number;
  },
  eager: boolean,
) => {
  const dueAtMs = what.outOfTurn ? readAllowedAtMs(pace) : pollDueAtMs(pace, IDLE_MS);
  const atMs = Math.max(nowMs, dueAtMs) + (eager ? 0 : what.restMs);
  const answeredAtMs = atMs + what.tookMs;
  const { behind } = pace;
  const asked = afterRead(pace, atMs);
  return {
    pace: what.throttled
      ? afterThrottle(asked, answeredAtMs)
      : afterAnswer(asked, { atMs: answeredAtMs, bytes: what.bytes, records: 1, millisBehindLatest: what.millisBehindLatest }),
    nowMs: answeredAtMs,
    read: {
      atMs,
      answeredAtMs,
      bytes: what.throttled ? 0 : what.bytes,
      throttled: what.throttled,
      outOfTurn: what.outOfTurn,
      dueAtMs,
      behind,
    },
  };
};

describe('poll pace', () => {
  it('never reads more than five times in any second, whatever comes, in turn or out of it', () => {
    fc.assert(
      fc.property(share, fc.array(outcome, { minLength: 6, maxLength: 60 }), (of, outcomes) => {
        const { reads } = run(paceOf(of), outcomes, true);
        for (let i = 5; i < reads.length; i += 1) expect(reads[i]!.atMs - reads[i - 5]!.atMs).toBeGreaterThanOrEqual(1000);
      }),
    );
  });

  it('never polls twice within its share’s gap', () => {
    fc.assert(
      fc.property(share, fc.array(outcome, { minLength: 2, maxLength: 60 }), fc.boolean(), (of, outcomes, eager) => {
        const inTurn = outcomes.map((each) => ({ ...each, outOfTurn: false }));
        const { reads } = run(paceOf(of), inTurn, eager);
        for (let i = 1; i < reads.length; i += 1)
          expect(reads[i]!.atMs - reads[i - 1]!.atMs).toBeGreaterThanOrEqual(Math.max(200, of.gapMs));
      }),
    );
  });

  it('for every answer waits as long as its bytes took of 2 MiB a second before it polls again', () => {
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 2, maxLength: 60 }), (outcomes) => {
        const { reads } = run(paceOf(WHOLE_SHARE), outcomes, true);
        for (let i = 1; i < reads.length; i += 1) {
          const paidMs = (reads[i - 1]!.bytes / (2 * MIB)) * 1000;
          const slackMs = reads[i]!.outOfTurn ? 1000 : 0;
          expect(reads[i]!.atMs - reads[i - 1]!.answeredAtMs).toBeGreaterThanOrEqual(paidMs - slackMs - 1e-6);
        }
      }),
    );
  });

  it('never takes more bytes over a long time than its share, but for the last answer', () => {
    fc.assert(
      fc.property(share, fc.array(outcome, { minLength: 2, maxLength: 60 }), (of, outcomes) => {
        const { reads } = run(paceOf(of), outcomes, true);
        const before = reads.slice(0, -1);
        const bytes = before.reduce((sum, read) => sum + read.bytes, 0);
        const overMs = reads.at(-1)!.atMs - reads[0]!.atMs;
        expect(bytes).toBeLessThanOrEqual((of.bytesPerSec * (overMs + 1000)) / 1000 + 1);
      }),
    );
  });

  it('keeps owner and shadow that both poll within five reads in any second', () => {
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 40, maxLength: 60 }), fc.array(outcome, { minLength: 10 }), (a, b) => {
        const answered = (all: typeof a) =>
          all.map((each) => ({ ...each, throttled: false, outOfTurn: false, bytes: 0, millisBehindLatest: 1 }));
        const reads = [
          ...run(paceOf(OWNER_SHARE), answered(a), true).reads,
          ...run(paceOf(SHADOW_SHARE), answered(b), true).reads,
        ]
          .map(({ atMs }) => atMs)
          .sort((x, y) => x - y);
        for (let i = 5; i < reads.length; i += 1) expect(reads[i]! - reads[i - 5]!).toBeGreaterThanOrEqual(1000);
      }),
    );
  });

  it('reads as fast as allowed while behind or after a full answer, and no sooner than the idle time otherwise', () => {
    const at = (answer: Partial<Parameters<typeof afterAnswer>[1]>) =>
      pollDueAtMs(
        afterAnswer(afterRead(paceOf(WHOLE_SHARE), 0), { atMs: 10, bytes: 0, records: 1, millisBehindLatest: 0, ...answer }),
        800,
      );
    expect(at({})).toBe(800);
    expect(at({ millisBehindLatest: 1 })).toBe(200);
    expect(at({ records: 10_000 })).toBe(200);
    expect(at({ bytes: 10 * MIB })).toBe(10 + 5000);
  });

  it('backs off by doubling its gap up to two seconds, and recovers by a quarter of a read a second at each answer, never beyond its share', () => {
    fc.assert(
      fc.property(share, fc.array(outcome, { maxLength: 40 }), (of, outcomes) => {
        let pace = run(paceOf(of), outcomes, true).pace;
        const before = pace.gapMs;
        pace = afterThrottle(pace, 1e9);
        expect(pace.gapMs).toBe(Math.min(2000, before * 2));
        expect(pollDueAtMs(pace, 0)).toBeGreaterThanOrEqual(1e9 + pace.gapMs);
        const slowest = 1000 / pace.gapMs;
        const rates = Array.from({ length: 40 }, (_, i) => {
          pace = afterAnswer(pace, { atMs: 2e9 + i, bytes: 0, records: 0, millisBehindLatest: 0 });
          return 1000 / pace.gapMs;
        });
        rates.forEach((rate, i) => {
          expect(rate).toBeCloseTo(Math.min(1000 / of.gapMs, slowest + 0.25 * (i + 1)), 6);
        });
        expect(pace.gapMs).toBe(of.gapMs);
      }),
    );
  });

  it('comes to a fair part beside a reader that it knows nothing of, as both are refused now and then', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 40 })), (jitter) => {
        const lateMs = () => jitter.next().value as number;
        const readers = [0, 1].map(() => ({ pace: paceOf(WHOLE_SHARE), nextMs: 0, counted: 0 }));
        // The second one joins when the first one has all.
        readers[1]!.nextMs = 10_000;
        const granted: number[] = [];
        for (let nowMs = 0; nowMs < 1_200_000; ) {
          const reader = readers[0]!.nextMs <= readers[1]!.nextMs ? readers[0]! : readers[1]!;
          nowMs = reader.nextMs;
          while (granted.length > 0 && nowMs - granted[0]! >= 1000) granted.shift();
          const asked = afterRead(reader.pace, nowMs);
          const isRefused = granted.length >= 5;
          reader.pace = isRefused
            ? afterThrottle(asked, nowMs)
            : afterAnswer(asked, { atMs: nowMs, bytes: 0, records: 1, millisBehindLatest: 1 });
          if (!isRefused) {
            granted.push(nowMs);
            if (nowMs > 60_000) reader.counted += 1;
          }
          reader.nextMs = pollDueAtMs(reader.pace, 0) + lateMs();
        }
        const counts = readers.map(({ counted }) => counted);
        expect(Math.max(...counts) + Math.min(...counts)).toBeGreaterThan(1140 * 3);
        expect(Math.min(...counts) / Math.max(...counts)).toBeGreaterThan(0.3);
      }),
      { numRuns: 30 },
    );
  });

  it('takes another share from its next read on', () => {
    const pace = withShare(afterRead(paceOf(SHADOW_SHARE), 0), WHOLE_SHARE);
    expect(pollDueAtMs(pace, 0)).toBe(200);
  });
});
