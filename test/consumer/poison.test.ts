import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterFailure, backOffMs, NO_TRIES, type Tries } from '../../lib/consumer/poison.ts';
import { FencedError, PoisonError, RecordFailure, TransientError } from '../../lib/errors.ts';
import { rawRecord } from '../support/owned-shard.ts';

const retries = { attempts: 3, firstMs: 100, mostMs: 1000 };
const given = [1, 2, 3].map((n) => rawRecord(n, 'k'));
const verdictOn = (error: unknown, tries: Tries = NO_TRIES, records = given) =>
  afterFailure(error, records, tries, retries, () => 0);
const [, second] = given;
const failureOfSecond = (cause: unknown) => new RecordFailure(second ?? rawRecord(0, ''), cause);

describe('backOffMs', () => {
  it('doubles up to the most, and leaves up to half of it to chance', () => {
    const all = [1, 2, 3, 4, 5, 50].map((failures) => [
      backOffMs(failures, retries, () => 0),
      backOffMs(failures, retries, () => 1),
    ]);
    expect(all).toEqual([
      [50, 100],
      [100, 200],
      [200, 400],
      [400, 800],
      [500, 1000],
      [500, 1000],
    ]);
  });

  it('never leaves its bounds, for every number of failures', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, chance) => {
        const ms = backOffMs(failures, retries, () => chance);
        expect(ms).toBeGreaterThanOrEqual(50);
        expect(ms).toBeLessThanOrEqual(1000);
      }),
    );
  });
});

describe('afterFailure', () => {
  it('tries the whole call again until its attempts are used up, then its records one by one', () => {
    const first = verdictOn(new Error('x'));
    expect(first).toMatchObject({ kind: 'retry', done: 0, inMs: 50 });
    const later = verdictOn(new Error('x'), first.tries);
    expect(later).toMatchObject({ kind: 'retry', done: 0, inMs: 100 });
    expect(verdictOn(new Error('x'), later.tries)).toMatchObject({
      kind: 'isolate',
      done: 0,
      tries: { attempts: 0, isolated: true },
    });
  });

  it('calls a record poison that failed alone as often as allowed', () => {
    const alone = given.slice(0, 1);
    const tries = { attempts: 2, failures: 2, isolated: true };
    expect(verdictOn(new Error('x'), tries, alone)).toMatchObject({
      kind: 'poison',
      done: 0,
      tries: { attempts: 0, isolated: true },
    });
    expect(verdictOn(new Error('x'), NO_TRIES, alone)).toMatchObject({ kind: 'retry' });
  });

  it('goes on from the record that is named, with attempts of its own', () => {
    const error = new Error('x');
    const named = verdictOn(failureOfSecond(error), { attempts: 2, failures: 2, isolated: false });
    expect(named).toMatchObject({ kind: 'retry', done: 1, error, tries: { attempts: 1, failures: 1 }, inMs: 50 });
    const rest = given.slice(1);
    const again = verdictOn(failureOfSecond(error), named.tries, rest);
    expect(again).toMatchObject({ kind: 'retry', done: 0 });
    expect(verdictOn(failureOfSecond(error), again.tries, rest)).toMatchObject({
      kind: 'poison',
      done: 0,
      error,
      tries: { isolated: false },
    });
  });

  it('makes no second attempt after a PoisonError: the records come alone, or the named one is poison', () => {
    expect(verdictOn(new PoisonError('bad'))).toMatchObject({ kind: 'isolate' });
    expect(verdictOn(new PoisonError('bad'), NO_TRIES, given.slice(0, 1))).toMatchObject({ kind: 'poison', done: 0 });
    expect(verdictOn(failureOfSecond(new PoisonError('bad')))).toMatchObject({ kind: 'poison', done: 1 });
  });

  it('never counts a sink that is away or a lease that is lost, however often, thrown plainly or as the cause of a named record', () => {
    const errors = [new TransientError('away'), new FencedError('gone')];
    for (const error of [...errors, ...errors.map(failureOfSecond)]) {
      const worn = { attempts: 2, failures: 40, isolated: false };
      expect(verdictOn(error, worn)).toMatchObject({ kind: 'retry' });
      expect(verdictOn(error, worn).tries.attempts).toBe(error instanceof RecordFailure ? 0 : 2);
    }
  });

  it('takes a failure that names a record of another call as one of the whole call', () => {
    const foreign = new RecordFailure(rawRecord(9, 'k'), new Error('x'));
    expect(verdictOn(foreign)).toMatchObject({ kind: 'retry', done: 0, error: foreign });
    expect(
      verdictOn(new RecordFailure(rawRecord(9, 'k'), new TransientError('away')), { ...NO_TRIES, attempts: 2 }),
    ).toMatchObject({
      kind: 'retry',
    });
  });

  it('tells sub-records of one aggregated record apart', () => {
    const subs = [0, 1, 2].map((subSequenceNumber) => ({ ...rawRecord(1, 'k'), subSequenceNumber }));
    expect(
      verdictOn(new RecordFailure({ ...rawRecord(1, 'k'), subSequenceNumber: 2 }, new Error('x')), NO_TRIES, subs),
    ).toMatchObject({
      done: 2,
    });
  });
});
