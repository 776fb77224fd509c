import { describe, expect, it } from 'vitest';
import { FaultLedger } from '../../local/fault-ledger.ts';

/** A batch of records by their sequence numbers, all put 100 ms before they are stored. */
const take = (ledger: FaultLedger, atMs: number, workerId: string, epoch: number, ...sequenceNumbers: string[]) =>
  ledger.take(
    {
      id: 0,
      workerId,
      shardId: 's',
      epoch,
      records: sequenceNumbers.map((n) => ['key', Number(n)] as const),
      sequenceNumbers,
      producedAtMs: sequenceNumbers.map(() => atMs - 100),
    },
    atMs,
  );

describe('FaultLedger', () => {
  it('measures a move from the last record of the old worker to the first new record of the new one', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1', '2');
    take(ledger, 1250, 'a', 1, '3');
    take(ledger, 2000, 'b', 2, '2', '3');
    take(ledger, 2050, 'b', 2, '4');
    take(ledger, 2300, 'b', 2, '5');
    expect(ledger.moves).toEqual([{ shardId: 's', from: 'a', to: 'b', lastOldAtMs: 1250, firstNewAtMs: 2050, duplicates: 2 }]);
  });

  it('takes two takeovers without anything new between them as one standstill', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 2000, 'b', 2, '1');
    take(ledger, 3000, 'c', 3, '1', '2');
    expect(ledger.moves).toEqual([{ shardId: 's', from: 'a', to: 'c', lastOldAtMs: 1000, firstNewAtMs: 3000, duplicates: 2 }]);
  });

  it('sees no move where the shard came back before anything new', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 2000, 'b', 2, '1');
    take(ledger, 2100, 'a', 3, '1', '2');
    expect(ledger.moves).toEqual([]);
  });

  it('leaves a move open while nothing new has come', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 2000, 'b', 2, '1');
    expect(ledger.moves).toMatchObject([{ firstNewAtMs: null, duplicates: 1 }]);
    expect(ledger.lastNewAtMs('s')).toBe(1000);
  });

  it('sees a move there and one back', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 1100, 'b', 2, '2');
    take(ledger, 1300, 'a', 3, '3');
    expect(ledger.moves.map(({ from, to, lastOldAtMs, firstNewAtMs }) => [from, to, (firstNewAtMs ?? 0) - lastOldAtMs])).toEqual([
      ['a', 'b', 100],
      ['b', 'a', 200],
    ]);
  });

  it('explains what a later epoch processed again since the checkpoint at which it began, and nothing else', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1', '2', '3');
    take(ledger, 2000, 'b', 2, '2', '3', '4');
    const from = (checkpoint: string) => (_: string, epoch: number) => (epoch === 2 ? checkpoint : undefined);
    expect(ledger.unexplained(from('1'))).toEqual([]);
    expect(ledger.unexplained(from('2')).map(({ sequenceNumber }) => sequenceNumber)).toEqual(['2']);
    expect(ledger.unexplained(() => undefined)).toHaveLength(2);
  });

  it('explains neither a repetition under the same epoch nor the write of a woken worker', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 1100, 'a', 1, '1');
    take(ledger, 2000, 'b', 2, '2');
    take(ledger, 3000, 'a', 1, '2');
    expect(ledger.unexplained(() => 'TRIM_HORIZON').map(({ sequenceNumber, workerId }) => [sequenceNumber, workerId])).toEqual([
      ['1', 'a'],
      ['2', 'a'],
    ]);
  });

  it('counts the latency of each record once, from its put to its first processing', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 5000, 'b', 2, '1', '2');
    expect(ledger.latenciesMs(0)).toEqual([100, 100]);
    expect(ledger.latenciesMs(4000)).toEqual([100]);
    expect(ledger.firstAtMs).toBe(1000);
  });

  it('finds the longest standstill of a span, from the last new record before it', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 1400, 'a', 1, '2');
    take(ledger, 2400, 'b', 2, '2', '3');
    take(ledger, 2600, 'b', 2, '4');
    expect(ledger.standstillMs(['s'], 1500, 2500)).toBe(1000);
    expect(ledger.standstillMs(['s'], 2450, 2700)).toBe(200);
    expect([ledger.firstNewAtMs('s'), ledger.firstNewAtMs('t')]).toEqual([1000, null]);
  });

  it('takes records that came again for a standstill, and one that lasts for as long as was looked', () => {
    const ledger = new FaultLedger();
    take(ledger, 1000, 'a', 1, '1');
    take(ledger, 1800, 'b', 2, '1');
    expect(ledger.standstillMs(['s'], 1100, 3000)).toBe(2000);
  });
});
