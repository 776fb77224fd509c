// infra: the dashboard in CloudWatch.
// in: streams, queue, alarms · out: one page
import { AlarmStatusWidget, Dashboard, GraphWidget, type IAlarm, type IMetric, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ManagedStream } from './control-functions.ts';
import { streamMetric } from './stream-metrics.ts';

export interface PenumbraDashboardProps {
  readonly streams: readonly ManagedStream[];
  readonly queue: IQueue;
  readonly deadLetters: IQueue;
  readonly alarms: readonly IAlarm[];
}

const WIDTH = 8;
const graph = (title: string, left: IMetric[], leftLabel: string): GraphWidget =>
  new GraphWidget({ title, left, width: WIDTH, height: 6, leftYAxis: { label: leftLabel, showUnits: false, min: 0 } });

/** Foreseen against observed, the forecast's own quality, handovers and reshards; one row of graphs per stream. */
export class PenumbraDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: PenumbraDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard');
    this.dashboard.addWidgets(new AlarmStatusWidget({ title: 'Penumbra', alarms: [...props.alarms], width: 24, height: 4 }));
    for (const stream of props.streams) this.dashboard.addWidgets(...rowOf(stream));
    this.dashboard.addWidgets(
      new GraphWidget({
        title: 'Commands',
        width: 24,
        height: 6,
        left: [
          props.queue.metricApproximateNumberOfMessagesVisible(),
          props.deadLetters.metricApproximateNumberOfMessagesVisible(),
        ],
        right: [props.queue.metricApproximateAgeOfOldestMessage()],
      }),
    );
  }
}

const rowOf = (stream: ManagedStream): IWidget[] => {
  const { streamName } = stream;
  const average = (name: string) => streamMetric(stream, name, 'Average');
  const highest = (name: string) => streamMetric(stream, name, 'Maximum');
  const sum = (name: string) => streamMetric(stream, name, 'Sum', 5);
  return [
    graph(
      `${streamName}: records, foreseen (30 min, 95 %) and observed`,
      [average('ForecastUpperRecords'), average('ObservedRecords'), average('ForecastUpperHottestShardRecords')],
      'records/s',
    ),
    graph(
      `${streamName}: bytes, foreseen (30 min, 95 %) and observed`,
      [average('ForecastUpperBytes'), average('ObservedBytes')],
      'bytes/s',
    ),
    graph(`${streamName}: age of the forecast`, [highest('ForecastAge')], 'seconds'),
    graph(`${streamName}: error of the forecast, bound held`, [average('ForecastError'), average('ForecastBoundHeld')], 'share'),
    graph(
      `${streamName}: pause of handovers`,
      [highest('HandoverPause'), streamMetric(stream, 'HandoverPause', 'Average')],
      'ms',
    ),
    graph(
      `${streamName}: handovers and reshards`,
      [sum('Handovers'), sum('HandoverFailed'), sum('Reshards'), sum('ReshardFailed'), sum('ShadowDiverged')],
      'count',
    ),
    graph(
      `${streamName}: shards and workers`,
      [highest('OpenShards'), highest('LiveWorkers'), highest('PlannedActions')],
      'count',
    ),
    graph(
      `${streamName}: profiles and tuning`,
      [sum('Profiles'), sum('ProfileFailed'), sum('SettingsApplied'), sum('SettingsRolledBack')],
      'count',
    ),
    graph(`${streamName}: duration of reshards`, [highest('ReshardUpdatingTime'), highest('ReshardDrainTime')], 'ms'),
  ];
};
