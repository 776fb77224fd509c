// test/telemetry: the embedded metric format as its specification has it. Source: CloudWatch user guide, "Specification: Embedded metric format".
// in: a line · out: the document, or an error that says where it departs from the specification
import { z } from 'zod';

const UNITS = [
  ...['Seconds', 'Microseconds', 'Milliseconds', 'Percent', 'Count', 'Count/Second', 'None'],
  ...['', 'Kilo', 'Mega', 'Giga', 'Tera'].flatMap((size) =>
    ['Bytes', 'Bits'].flatMap((what) => {
      const unit = size === '' ? what : `${size}${what.toLowerCase()}`;
      return [unit, `${unit}/Second`];
    }),
  ),
];

const Name = z.string().min(1).max(1024);
const MetricDefinition = z.strictObject({
  Name,
  Unit: z.enum(UNITS).optional(),
  StorageResolution: z.union([z.literal(1), z.literal(60)]).optional(),
});
const MetricDirective = z.strictObject({
  Namespace: Name,
  Dimensions: z.array(z.array(z.string().min(1).max(250)).max(30)).min(1),
  Metrics: z.array(MetricDefinition).max(100),
});
const Document = z.looseObject({
  _aws: z.strictObject({ Timestamp: z.int(), CloudWatchMetrics: z.array(MetricDirective).min(1) }),
});
const Target = z.union([z.number(), z.array(z.number()).max(100)]);
const DimensionValue = z.string().min(1).max(1024);
const MAX_BYTES = 256 * 1024;

export type EmfDocument = z.output<typeof Document>;

/** Reads one line. Every dimension must name a text, every metric a number or at most 100 of them, at the document's root. */
export const emfDocumentOf = (line: string): EmfDocument => {
  if (line.includes('\n')) throw new Error('a document is one line');
  if (Buffer.byteLength(line) > MAX_BYTES)
    throw new Error(`a document has at most ${MAX_BYTES} bytes, got ${Buffer.byteLength(line)}`);
  const document = Document.parse(JSON.parse(line));
  for (const { Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
    for (const name of Dimensions.flat()) DimensionValue.parse(document[name], { error: () => `dimension ${name}` });
    for (const { Name: name } of Metrics) Target.parse(document[name], { error: () => `metric ${name}` });
    if (new Set(Metrics.map((metric) => metric.Name)).size !== Metrics.length) throw new Error('a metric is defined twice');
  }
  return document;
};

/** The names of the document's metrics. */
export const metricNamesOf = (document: EmfDocument): string[] =>
  document._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map((metric) => metric.Name));
