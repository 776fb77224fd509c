// lib/adapters/aws: CloudWatch: a stream's metrics in, ours out.
// in: Metrics calls · out: one sample per minute and range with points; PutMetricData in namespace Penumbra
import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { InvariantError, TransientError } from '../../errors.ts';
import { type DemandSample, MINUTE_MS } from '../../model/demand.ts';
import { WHOLE_RANGE } from '../../model/hash-key-range.ts';
import type { Shard } from '../../model/shard.ts';
import type { Metrics } from '../../ports.ts';
import { sending } from './sdk-errors.ts';

export const NAMESPACE = 'Penumbra';
/** Source: PutMetricData takes 1000 metrics or 1 MB. */
const MAX_POINTS = 500;

const METRICS = { records: 'IncomingRecords', bytes: 'IncomingBytes', throttled: 'WriteProvisionedThroughputExceeded' } as const;
type Wanted = keyof typeof METRICS;
type Sums = Record<Wanted, Map<number, number>>;
/** Source: GetMetricData takes 500 queries. */
const SHARDS_AT_A_TIME = 160;

/** Of whom a sum is asked: the stream, or one of its shards. */
type Asked = Pick<Shard, 'hashKeyRange'> & { readonly shardId?: string };

const queryOf = (streamName: string, { shardId }: Asked, i: number, wanted: Wanted): MetricDataQuery => ({
  Id: `${wanted}${i}`,
  MetricStat: {
    Metric: {
      Namespace: 'AWS/Kinesis',
      MetricName: METRICS[wanted],
      Dimensions: [
        { Name: 'StreamName', Value: streamName },
        ...(shardId === undefined ? [] : [{ Name: 'ShardId', Value: shardId }]),
      ],
    },
    Period: 60,
    Stat: 'Sum',
  },
});

/** The metrics of an account. */
export const cloudwatchMetrics = (client: CloudWatchClient): Metrics => {
  const sums = async (streamName: string, asked: readonly Asked[], fromMs: number, untilMs: number, signal?: AbortSignal) => {
    const found = asked.map((): Sums => ({ records: new Map(), bytes: new Map(), throttled: new Map() }));
    const targets = new Map<string, Map<number, number>>();
    const queries = asked.flatMap((each, i) =>
      (Object.keys(METRICS) as Wanted[]).map((wanted) => {
        const query = queryOf(streamName, each, i, wanted);
        targets.set(query.Id!, found[i]![wanted]);
        return query;
      }),
    );
    let next: string | undefined;
    do {
      const request: GetMetricDataCommand = new GetMetricDataCommand({
        MetricDataQueries: queries,
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
          if (sum !== undefined) targets.get(Id ?? '')?.set(at.getTime(), sum);
        });
      }
      next = page.NextToken ?? undefined;
    } while (next !== undefined);
    return found;
  };

  const demandOf = async (
    streamName: string,
    asked: readonly Asked[],
    fromMs: number,
    untilMs: number,
    signal?: AbortSignal,
  ): Promise<DemandSample[]> => {
    const found = await sums(streamName, asked, fromMs, untilMs, signal);
    return found
      .flatMap(({ records, bytes, throttled }, i) =>
        [...records]
          .filter(([minuteMs]) => minuteMs >= fromMs && minuteMs < untilMs && minuteMs % MINUTE_MS === 0 && bytes.has(minuteMs))
          .map(
            ([minuteMs, sum]): DemandSample => ({
              streamName,
              hashKeyRange: asked[i]!.hashKeyRange,
              minuteMs,
              records: sum,
              bytes: bytes.get(minuteMs) ?? 0,
              throttledRecords: throttled.get(minuteMs) ?? 0,
            }),
          ),
      )
      .sort((a, b) => a.minuteMs - b.minuteMs);
  };

  return {
    streamDemand: (streamName, fromMs, untilMs, signal) =>
      demandOf(streamName, [{ hashKeyRange: WHOLE_RANGE }], fromMs, untilMs, signal),

    shardDemand: async (streamName, shards, fromMs, untilMs, signal) => {
      const samples: DemandSample[] = [];
      for (let i = 0; i < shards.length; i += SHARDS_AT_A_TIME)
        samples.push(...(await demandOf(streamName, shards.slice(i, i + SHARDS_AT_A_TIME), fromMs, untilMs, signal)));
      return samples.sort((a, b) => a.minuteMs - b.minuteMs);
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
