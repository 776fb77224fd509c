// lib/telemetry: CloudWatch's embedded metric format: a log line of which CloudWatch Logs makes metrics, wherever the line comes from.
// in: metrics of one moment · out: lines of JSON. Source: CloudWatch user guide, "Specification: Embedded metric format"
import { InvariantError } from '../errors.ts';

export type EmfUnit = 'Count' | 'Count/Second' | 'Bytes' | 'Bytes/Second' | 'Milliseconds';

export interface EmfMetric {
  readonly name: string;
  readonly unit: EmfUnit;
  /** One value, or the values of several events: CloudWatch makes its statistics and percentiles of them. */
  readonly value: number | readonly number[];
}

export interface EmfDocument {
  readonly namespace: string;
  readonly atMs: number;
  /** One set: each metric is kept once, under all of these. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Fields for CloudWatch Logs Insights that are not dimensions. */
  readonly properties: Readonly<Record<string, string | number>>;
  readonly metrics: readonly EmfMetric[];
}

/** Limits of one document. */
export const MAX_METRICS = 100;
export const MAX_VALUES = 100;
const MAX_DIMENSIONS = 30;

const isValue = (value: number | readonly number[]): boolean =>
  typeof value === 'number' ? Number.isFinite(value) : value.length <= MAX_VALUES && value.every(Number.isFinite);

/** The document as lines, of at most 100 metrics each. Throws an InvariantError for what CloudWatch would drop in silence. */
export const emfLines = ({ namespace, atMs, dimensions, properties, metrics }: EmfDocument): string[] => {
  const names = Object.keys(dimensions);
  if (names.length > MAX_DIMENSIONS)
    throw new InvariantError(
      `an EMF document has at most ${MAX_DIMENSIONS} dimensions, got ${names.length}: ${names.join(', ')}`,
    );
  for (const { name, value } of metrics) {
    if (!isValue(value))
      throw new InvariantError(
        `EMF metric ${name} must be a finite number or at most ${MAX_VALUES} of them, got ${JSON.stringify(value)}`,
      );
    if (name in dimensions || name in properties)
      throw new InvariantError(`EMF metric ${name} has the name of a dimension or property`);
  }
  const lines: string[] = [];
  for (let at = 0; at < metrics.length; at += MAX_METRICS) {
    const some = metrics.slice(at, at + MAX_METRICS);
    const Metrics = some.map(({ name, unit }) => ({ Name: name, Unit: unit }));
    lines.push(
      JSON.stringify({
        _aws: { Timestamp: Math.floor(atMs), CloudWatchMetrics: [{ Namespace: namespace, Dimensions: [names], Metrics }] },
        ...dimensions,
        ...properties,
        ...Object.fromEntries(some.map(({ name, value }) => [name, value])),
      }),
    );
  }
  return lines;
};
