import { describe, expect, test } from 'vitest';
import { progressFrom } from '../../lib/adapters/aws/shard-progress.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';

const recordsOf = (...sequenceNumbers: string[]): StreamRecord[] =>
  sequenceNumbers.map((sequenceNumber) => ({ sequenceNumber, partitionKey: 'k', data: new Uint8Array(), arrivedAtMs: 0 }));
const seen = (records: readonly StreamRecord[]): string[] => records.map(({ sequenceNumber }) => sequenceNumber);

describe('progressFrom', () => {
  test('drops what was seen before, also when a batch repeats it', () => {
    const progress = progressFrom({ type: 'TRIM_HORIZON' });
    expect(seen(progress.fresh(recordsOf('9', '10')))).toEqual(['9', '10']);
    expect(seen(progress.fresh(recordsOf('9', '10', '11', '11', '100')))).toEqual(['11', '100']);
    expect(progress.position()).toEqual({ type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: '100' });
  });

  test('begins after a sequence number, or at one', () => {
    expect(seen(progressFrom({ type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: '10' }).fresh(recordsOf('9', '10', '11')))).toEqual(
      ['11'],
    );
    expect(seen(progressFrom({ type: 'AT_SEQUENCE_NUMBER', sequenceNumber: '10' }).fresh(recordsOf('9', '10', '11')))).toEqual([
      '10',
      '11',
    ]);
  });

  test('goes on where it began as long as nothing came, from LATEST by the shard’s own word', () => {
    expect(progressFrom({ type: 'AT_SEQUENCE_NUMBER', sequenceNumber: '10' }).position()).toEqual({
      type: 'AT_SEQUENCE_NUMBER',
      sequenceNumber: '10',
    });
    const latest = progressFrom({ type: 'LATEST' });
    expect(latest.position()).toEqual({ type: 'LATEST' });
    latest.noteContinuation('77');
    latest.noteContinuation(undefined);
    expect(latest.position()).toEqual({ type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: '77' });
  });
});
