// lib/adapters/aws: CloudWatch: a stream's metrics in, ours out.
// in: Metrics calls · out: one sample per minute with points; PutMetricData in namespace Penumbra
import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { InvariantError, TransientError } from '../../errors.ts';
import { type DemandSample, MINUTE_MS } from '../../model/demand.ts';
import { WHOLE_RANGE } from '../../model/hash-key-range.ts';
import type { Metrics } from '../../ports.ts';
import { sending } from './sdk-errors.ts';

export const NAMESPACE = 'Penumbra';
/** Source: PutMetricData takes 1000 metrics or 1 MB. */
const MAX_POINTS = 500;

const METRICS = { records: 'IncomingRecords', bytes: 'IncomingBytes', throttled: 'WriteProvisionedThroughputExceeded' } as const;
type Wanted = keyof typeof METRICS;

const queryOf = (id: Wanted, streamName: string): MetricDataQuery => ({
  Id: id,
  MetricStat: {
    Metric: { Namespace: 'AWS/Kinesis', MetricName: METRICS[id], Dimensions: [{ Name: 'StreamName', Value: streamName }] },
    Period: 60,
    Stat: 'Sum',
  },
});

/** The metrics of an account. */
export const cloudwatchMetrics = (client: CloudWatchClient): Metrics => {
  const sums = async (streamName: string, fromMs: number, untilMs: number, signal?: AbortSignal) => {
    const found: Record<Wanted, Map<number, number>> = { records: new Map(), bytes: new Map(), throttled: new Map() };
    let next: string | undefined;
    do {
      const request: GetMetricDataCommand = new GetMetricDataCommand({
        MetricDataQueries: (Object.keys(METRICS) as Wanted[]).map((id) => queryOf(id, streamName)),
        StartTime: new Date(fromMs),
        EndTime: new Date(untilMs),
        ScanBy: 'TimestampAscending',
        ...(next === undefined ? {} : { NextToken: next }),
      });
      const page = await sending(`metrics of ${streamName}`, () =>
        client.send(request, { ...(signal && { abortSignal: signal }) }),
      );
      for (const { Id, Timestamps = [], Values = [], StatusCode } of page.MetricDataResults ?? []) {
        if (StatusCode === 'InternalError')
          throw new TransientError(`metrics of ${streamName}: CloudWatch answered InternalError for ${Id}`);
        if (StatusCode === 'Forbidden') throw new InvariantError(`metrics of ${streamName}: CloudWatch forbids reading ${Id}`);
        Timestamps.forEach((at, i) => {
          const sum = Values[i];
          if (sum !== undefined) found[Id as Wanted].set(at.getTime(), sum);
        });
      }
      next = page.NextToken ?? undefined;
    } while (next !== undefined);
    return found;
  };

  return {
    streamDemand: async (streamName, fromMs, untilMs, signal) => {
      const { records, bytes, throttled } = await sums(streamName, fromMs, untilMs, signal);
      return [...records]
        .filter(([minuteMs]) => minuteMs >= fromMs && minuteMs < untilMs && minuteMs % MINUTE_MS === 0 && bytes.has(minuteMs))
        .sort(([a], [b]) => a - b)
        .map(
          ([minuteMs, sum]): DemandSample => ({
            streamName,
            hashKeyRange: WHOLE_RANGE,
            minuteMs,
            records: sum,
            bytes: bytes.get(minuteMs) ?? 0,
            throttledRecords: throttled.get(minuteMs) ?? 0,
          }),
        );
    },

    publish: async (points, signal) => {
      for (let i = 0; i < points.length; i += MAX_POINTS) {
        const request = new PutMetricDataCommand({
          Namespace: NAMESPACE,
          MetricData: points.slice(i, i + MAX_POINTS).map((point) => ({
            MetricName: point.name,
            Value: point.value,
            Unit: point.unit,
            Timestamp: new Date(point.atMs),
            Dimensions: Object.entries(point.dimensions).map(([Name, Value]) => ({ Name, Value })),
          })),
        });
        await sending(`publish ${points.length} metrics`, () => client.send(request, { ...(signal && { abortSignal: signal }) }));
      }
    },
  };
};
