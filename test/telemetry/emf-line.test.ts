import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../lib/errors.ts';
import { type EmfMetric, emfLines } from '../../lib/telemetry/emf-line.ts';
import { emfDocumentOf, metricNamesOf } from './emf-specification.ts';
import { START_MS } from './scenes.ts';

const lines = (metrics: readonly EmfMetric[], dimensions: Record<string, string> = { Application: 'shop' }) =>
  emfLines({ namespace: 'Orders', atMs: START_MS + 0.7, dimensions, properties: { WorkerIdentifier: 'a' }, metrics });

describe('emfLines', () => {
  it('writes a document as the specification has it', () => {
    const [line = '', ...more] = lines([
      { name: 'RecordsProcessed', unit: 'Count', value: 5 },
      { name: 'HandoverPause', unit: 'Milliseconds', value: [1.5, 2] },
    ]);
    expect(more).toEqual([]);
    expect(emfDocumentOf(line)).toEqual({
      _aws: {
        Timestamp: START_MS,
        CloudWatchMetrics: [
          {
            Namespace: 'Orders',
            Dimensions: [['Application']],
            Metrics: [
              { Name: 'RecordsProcessed', Unit: 'Count' },
              { Name: 'HandoverPause', Unit: 'Milliseconds' },
            ],
          },
        ],
      },
      Application: 'shop',
      WorkerIdentifier: 'a',
      RecordsProcessed: 5,
      HandoverPause: [1.5, 2],
    });
  });

  it('splits more than 100 metrics over several documents', () => {
    const metrics = Array.from({ length: 250 }, (_, i): EmfMetric => ({ name: `m${i}`, unit: 'Count', value: i }));
    const documents = lines(metrics).map(emfDocumentOf);
    expect(documents.map((document) => metricNamesOf(document).length)).toEqual([100, 100, 50]);
    expect(documents[2]?.m249).toBe(249);
  });

  it.each([
    ['no number', Number.NaN],
    ['no finite number', Number.POSITIVE_INFINITY],
    ['more than 100 values', new Array<number>(101).fill(1)],
    ['no number among values', [1, Number.NaN]],
  ])('fails for %s', (_, value) => {
    expect(() => lines([{ name: 'm', unit: 'Count', value }])).toThrow(InvariantError);
  });

  it('fails for more than 30 dimensions, and for a metric by the name of one', () => {
    const many = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`d${i}`, 'x']));
    expect(() => lines([{ name: 'm', unit: 'Count', value: 1 }], many)).toThrow(/at most 30 dimensions, got 31/);
    expect(() => lines([{ name: 'Application', unit: 'Count', value: 1 }])).toThrow(InvariantError);
    expect(() => lines([{ name: 'WorkerIdentifier', unit: 'Count', value: 1 }])).toThrow(InvariantError);
  });
});
