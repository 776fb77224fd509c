// infra: our metrics of one stream by name, for dashboard and alarms.
// in: a stream · out: CloudWatch metrics
import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type ManagedStream, METRIC_NAMESPACE } from './control-functions.ts';

/** A metric that the functions publish for a stream. */
export const streamMetric = (
  stream: ManagedStream,
  metricName: string,
  statistic: 'Maximum' | 'Average' | 'Sum' | 'p99',
  minutes = 1,
): Metric =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { Application: stream.application, StreamName: stream.streamName },
    statistic,
    period: Duration.minutes(minutes),
  });
