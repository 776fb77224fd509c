import { describe, expect, it } from 'vitest';
import { configOf } from '../../infra/config.ts';

const read = (context: Record<string, unknown>) => configOf((key) => context[key]);

describe('configOf', () => {
  it('reads a list of streams of one application', () => {
    const config = read({ application: 'shop', streams: 'orders, clicks,' });
    expect(config.streams).toEqual([
      { application: 'shop', streamName: 'orders' },
      { application: 'shop', streamName: 'clicks' },
    ]);
    expect(config).toMatchObject({ stackName: 'Penumbra', removeTables: false, functionEnvironment: {} });
  });

  it('reads a local endpoint, further variables and the wish to remove the tables', () => {
    const config = read({
      streams: 'orders',
      localKinesisEndpoint: 'http://127.0.0.1:4567',
      functionEnvironment: '{"A":"b"}',
      removeTables: 'true',
    });
    expect(config).toMatchObject({
      localKinesisEndpoint: 'http://127.0.0.1:4567',
      functionEnvironment: { A: 'b' },
      removeTables: true,
    });
  });

  it('reads the services that run workers, none by default', () => {
    expect(read({ streams: 'a' }).workerServices).toEqual([]);
    expect(read({ streams: 'a', workerServices: 'main/orders,main/clicks' }).workerServices).toEqual([
      { cluster: 'main', service: 'orders' },
      { cluster: 'main', service: 'clicks' },
    ]);
    expect(() => read({ streams: 'a', workerServices: 'orders' })).toThrow(/must be cluster\/service.*got "orders"/);
  });

  it('fails without streams, and says how to give them', () => {
    expect(() => read({})).toThrow(/-c streams: .*Example: cdk deploy/);
  });

  it('fails on wrong values, with the value received', () => {
    expect(() => read({ streams: 'a', localKinesisEndpoint: 'nowhere' })).toThrow(/-c localKinesisEndpoint: .*got "nowhere"/);
    expect(() => read({ streams: 'a', functionEnvironment: '{' })).toThrow(/must be a JSON object, got \{/);
    expect(() => read({ streams: 'a', stackName: '1x' })).toThrow(/-c stackName: .*got "1x"/);
    expect(() => read({ streams: 'a', removeTables: 'yes' })).toThrow(/-c removeTables: .*got "yes"/);
  });
});
