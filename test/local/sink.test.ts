import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SinkLedger, startSink } from '../../local/sink.ts';
import { sinkClient } from '../../local/sink-client.ts';

const batch = (epoch: number, records: [string, number][], shardId = 's', workerId = 'w') => ({
  id: 1,
  workerId,
  shardId,
  epoch,
  records,
});
const ledgerOf = (...batches: [string, number][][]) => {
  const ledger = new SinkLedger();
  for (const records of batches) ledger.take(batch(1, records));
  return ledger;
};

describe('SinkLedger', () => {
  it('counts records that come once and in order', () => {
    const ledger = ledgerOf(
      [
        ['a', 1],
        ['b', 1],
      ],
      [['a', 2]],
    );
    expect(ledger.counts()).toEqual({ processed: 3, duplicated: 0, reordered: 0, fenced: 0 });
    expect(
      ledger.lost(
        new Map([
          ['a', 2],
          ['b', 1],
        ]),
      ),
    ).toBe(0);
  });

  it('answers a profiling shadow and keeps nothing of it, its epoch neither', () => {
    const ledger = new SinkLedger();
    expect(ledger.take({ ...batch(9, [['a', 1]]), shadow: true })).toEqual({ id: 1, kind: 'stored' });
    expect(ledger.take(batch(1, [['a', 1]]))).toEqual({ id: 1, kind: 'stored' });
    expect(ledger.counts()).toEqual({ processed: 1, duplicated: 0, reordered: 0, fenced: 0 });
  });

  it('counts a record that comes again as a duplicate, wherever it comes', () => {
    const ledger = ledgerOf(
      [
        ['a', 1],
        ['a', 2],
        ['a', 1],
      ],
      [['a', 2]],
      [['a', 3]],
    );
    expect(ledger.counts()).toMatchObject({ processed: 3, duplicated: 2, reordered: 0 });
  });

  it('counts a first coming after a later one of its key as out of order, and its second coming as a duplicate only', () => {
    const ledger = ledgerOf([
      ['a', 1],
      ['a', 3],
      ['a', 2],
      ['a', 2],
      ['a', 4],
    ]);
    expect(ledger.counts()).toMatchObject({ processed: 4, duplicated: 1, reordered: 1 });
  });

  it('knows what is missing before later records of its key, without knowing what was produced', () => {
    const ledger = ledgerOf([
      ['a', 1],
      ['a', 4],
      ['b', 2],
    ]);
    expect(ledger.missing()).toBe(3);
    for (const n of [2, 3]) ledger.take(batch(1, [['a', n]]));
    expect(ledger.missing()).toBe(1);
    ledger.take(batch(1, [['b', 1]]));
    expect(ledger.missing()).toBe(0);
  });

  it('knows no order between keys', () => {
    expect(
      ledgerOf([
        ['a', 2],
        ['a', 3],
        ['b', 1],
      ]).counts().reordered,
    ).toBe(0);
  });

  it('counts as lost what was produced and never came, also of a key that it never saw', () => {
    const ledger = ledgerOf([
      ['a', 1],
      ['a', 4],
    ]);
    expect(
      ledger.lost(
        new Map([
          ['a', 5],
          ['b', 2],
        ]),
      ),
    ).toBe(3 + 2);
  });

  it('refuses a batch of an older epoch than the shard has seen, and counts none of it', () => {
    const ledger = new SinkLedger();
    ledger.take(batch(5, [['a', 1]]));
    expect(ledger.take(batch(4, [['a', 2]], 's', 'old'))).toEqual({ id: 1, kind: 'fenced', epoch: 5 });
    expect(ledger.take(batch(1, [['b', 1]], 'another'))).toMatchObject({ kind: 'stored' });
    expect(ledger.counts()).toEqual({ processed: 2, duplicated: 0, reordered: 0, fenced: 1 });
    expect(ledger.lost(new Map([['a', 2]]))).toBe(1);
    expect([...ledger.byWorker()]).toEqual([['w', 2]]);
  });

  it('takes and counts a batch of an older epoch when it does not fence', () => {
    const ledger = new SinkLedger(false);
    ledger.take(batch(5, [['a', 1]]));
    expect(ledger.take(batch(4, [['a', 2]], 's', 'old'))).toEqual({ id: 1, kind: 'stored' });
    expect(ledger.take(batch(4, [['a', 2]], 's', 'old'))).toEqual({ id: 1, kind: 'stored' });
    expect(ledger.counts()).toEqual({ processed: 2, duplicated: 1, reordered: 0, fenced: 2 });
  });
});

describe('startSink', () => {
  it('acknowledges each batch to the client that sent it', async () => {
    const sink = await startSink();
    onTestFinished(() => sink.close());
    const [one, two] = [sinkClient(sink.port), sinkClient(sink.port)];
    const answers = await Promise.all([
      one.write({ workerId: 'a', shardId: 's', epoch: 2, records: [['k', 1]] }),
      one.write({ workerId: 'a', shardId: 's', epoch: 2, records: [['k', 2]] }),
    ]);
    expect(answers.map((answer) => answer.kind)).toEqual(['stored', 'stored']);
    expect(await two.write({ workerId: 'b', shardId: 's', epoch: 1, records: [['k', 3]] })).toMatchObject({
      kind: 'fenced',
      epoch: 2,
    });
    expect(sink.ledger.counts()).toMatchObject({ processed: 2, fenced: 1 });
    one.close();
    two.close();
  });

  it('tells of every batch and its answer', async () => {
    const heard: unknown[] = [];
    const sink = await startSink({ onBatch: ({ workerId, records }, { kind }) => heard.push([workerId, records, kind]) });
    onTestFinished(() => sink.close());
    const client = sinkClient(sink.port);
    await client.write({ workerId: 'a', shardId: 's', epoch: 2, records: [['k', 1]] });
    await client.write({ workerId: 'b', shardId: 's', epoch: 1, records: [['k', 2]] });
    expect(heard).toEqual([
      ['a', [['k', 1]], 'stored'],
      ['b', [['k', 2]], 'fenced'],
    ]);
    client.close();
  });

  it('ends a connection that does not speak its language and goes on with the others', async () => {
    const sink = await startSink();
    onTestFinished(() => sink.close());
    const stranger = connect(sink.port, '127.0.0.1');
    stranger.write('GET / HTTP/1.1\n');
    await new Promise((resolve) => stranger.once('close', resolve));
    const client = sinkClient(sink.port);
    expect(await client.write({ workerId: 'a', shardId: 's', epoch: 1, records: [] })).toMatchObject({ kind: 'stored' });
    client.close();
  });

  it('outlives a worker that is killed with an answer unread', async () => {
    const sink = await startSink();
    onTestFinished(() => sink.close());
    const killed = connect(sink.port, '127.0.0.1');
    await new Promise<void>((resolve) => killed.once('connect', () => resolve()));
    killed.write(`${JSON.stringify(batch(1, [['a', 1]]))}\n`);
    await expect.poll(() => sink.ledger.counts().processed).toBe(1);
    killed.resetAndDestroy();
    const client = sinkClient(sink.port);
    expect(await client.write({ workerId: 'b', shardId: 's', epoch: 2, records: [['a', 2]] })).toMatchObject({ kind: 'stored' });
    client.close();
  });

  it('fails the batches that wait when it goes away', async () => {
    const sink = await startSink();
    const client = sinkClient(sink.port);
    await client.write({ workerId: 'a', shardId: 's', epoch: 1, records: [] });
    await sink.close();
    await expect(client.write({ workerId: 'a', shardId: 's', epoch: 1, records: [] })).rejects.toThrow(
      'the sink’s connection ended'.replace('’', "'"),
    );
  });
});
