import { describe, expect, it } from 'vitest';
import { readAnalysis, runKcl } from '../../bench/kcl-peer.ts';

const analysis = (change: object = {}) =>
  JSON.stringify({
    run: 'bn-tuned-1',
    completed: true,
    drained: true,
    lost: 0,
    duplicates: 31,
    orderInversionsPerKey: 0,
    latencyBaseline: { n: 2104, p50: 136, p99: 271, max: 301 },
    moves: [
      { shard: '0000', gapMs: 3497 },
      { shard: '0003', gapMs: 3520 },
      { shard: '0001', gapMs: null },
    ],
    ...change,
  });

describe('readAnalysis', () => {
  it('reads the last line of JSON', () => {
    expect(readAnalysis('bn', `mvn says something\n{}\n${analysis()}\n`)).toEqual({
      kind: 'ran',
      run: { scenario: 'bn', gapMsP50: 3497, gapMsMax: 3520, latencyMsP50AtRest: 136, lost: 0, duplicated: 31, reordered: 0 },
    });
  });

  it('takes the gaps of a split from its children', () => {
    const split = { shardEndedMs: 700, kids: { '0004': { gapMs: 1203 }, '0005': { gapMs: 1391 } } };
    expect(readAnalysis('c', analysis({ split }))).toMatchObject({ run: { scenario: 'c', gapMsP50: 1203, gapMsMax: 1391 } });
    expect(readAnalysis('c', analysis())).toMatchObject({ run: { gapMsP50: null, gapMsMax: null } });
  });

  it('has no figure where no shard moved', () => {
    expect(readAnalysis('bn', analysis({ moves: [] }))).toMatchObject({ run: { gapMsP50: null, gapMsMax: null } });
  });

  it('takes no figure from a run that did not come to its end', () => {
    expect(readAnalysis('bn', analysis({ drained: false }))).toEqual({
      kind: 'cannot',
      why: 'run.sh bn did not come to its end: completed true, drained false',
    });
    expect(readAnalysis('bn', '')).toEqual({ kind: 'cannot', why: 'run.sh bn printed no result' });
  });
});

describe('runKcl', () => {
  it('says why it cannot run where the peer is not', async () => {
    expect(await runKcl('/nowhere', '/nowhere/kcl', 'bn', 'tuned', () => {})).toEqual({
      kind: 'cannot',
      why: 'there is no run.sh in /nowhere/kcl; name the peer’s folder by --peer DIR'.replace('’', "'"),
    });
  });
});
