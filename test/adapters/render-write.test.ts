import { describe, expect, test } from 'vitest';
import { renderWrite } from '../../lib/adapters/aws/render-write.ts';
import { InvariantError } from '../../lib/errors.ts';
import { equals, exists, input, is, missing, oneOf, remove, set, value } from '../../lib/handover/lease-write.ts';

describe('renderWrite', () => {
  test('renders conditions and changes with names and values for every part', () => {
    const rendered = renderWrite({
      name: 'all',
      conditions: [
        is('owner', 'a'),
        oneOf('handover.phase', ['x', 'y']),
        exists('handover.drained'),
        missing('reshard'),
        equals('handover.drained', { path: 'handover.proof' }),
      ],
      changes: [
        set('handover.phase', value('z')),
        { op: 'add', path: 'epoch', by: 1 },
        remove('mark'),
        set('owner', { path: 'handover.target' }),
      ],
    });
    expect(rendered).toEqual({
      ConditionExpression:
        'attribute_exists(#shardId) AND #owner = :v0 AND #handover.#phase IN (:v1, :v2) AND attribute_exists(#handover.#drained) AND ' +
        'attribute_not_exists(#reshard) AND (attribute_exists(#handover.#proof) AND #handover.#drained = #handover.#proof)',
      UpdateExpression: 'SET #handover.#phase = :v3, #owner = #handover.#target ADD #epoch :v4 REMOVE #mark',
      ExpressionAttributeNames: {
        '#shardId': 'shardId',
        '#owner': 'owner',
        '#handover': 'handover',
        '#phase': 'phase',
        '#drained': 'drained',
        '#reshard': 'reshard',
        '#proof': 'proof',
        '#epoch': 'epoch',
        '#mark': 'mark',
        '#target': 'target',
      },
      values: { ':v0': 'a', ':v1': 'x', ':v2': 'y', ':v3': 'z', ':v4': 1 },
    });
  });

  test('builds a map from its parts', () => {
    const { values } = renderWrite({
      name: 'map',
      conditions: [],
      changes: [set('handover', { map: { id: value('h'), drained: { map: { count: value(3) } } } })],
    });
    expect(values).toEqual({ ':v0': { id: 'h', drained: { count: 3 } } });
  });

  test('leaves the update out when nothing changes', () => {
    expect(renderWrite({ name: 'check', conditions: [], changes: [] })).toEqual({
      ConditionExpression: 'attribute_exists(#shardId)',
      ExpressionAttributeNames: { '#shardId': 'shardId' },
      values: {},
    });
  });

  test('fails on an input that is not bound, and on a path within a map', () => {
    expect(() => renderWrite({ name: 'open', conditions: [equals('owner', input('source'))], changes: [] })).toThrow(
      InvariantError,
    );
    expect(() =>
      renderWrite({ name: 'copy', conditions: [], changes: [set('handover', { map: { id: { path: 'owner' } } })] }),
    ).toThrow(InvariantError);
  });
});
