// infra: what a person must hear of.
// in: streams, queues, machines · out: alarms with the reason in their description
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IAlarmAction, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { ManagedStream } from './control-functions.ts';
import { streamMetric } from './stream-metrics.ts';

export interface AlarmsProps {
  readonly streams: readonly ManagedStream[];
  readonly queue: IQueue;
  readonly deadLetters: IQueue;
  readonly handoverMachine: IStateMachine;
  readonly reshardMachine: IStateMachine;
  readonly profileMachine: IStateMachine;
  /**
   * Where alarms go, for example an SnsAction.
   * @default nowhere: they only show
   */
  readonly actions?: readonly IAlarmAction[];
  /** @default 5 */
  readonly staleForecastMinutes?: number;
}

interface Wanted {
  readonly description: string;
  readonly metric: IMetric;
  readonly above: number;
  readonly forMinutes?: number;
  /** No data at all is an alarm too. */
  readonly silenceIsAlarm?: boolean;
}

/** Forecast stale, handover failed, shadow diverged, profile failed, dead letters, old commands, failed executions. */
export class Alarms extends Construct {
  readonly alarms: Alarm[] = [];
  readonly #actions: readonly IAlarmAction[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#actions = props.actions ?? [];
    const staleMinutes = props.staleForecastMinutes ?? 5;
    for (const stream of props.streams) {
      const name = `${stream.application}-${stream.streamName}`;
      const of = `of ${stream.streamName} (${stream.application})`;
      this.#add(`ForecastStale-${name}`, {
        description: `The forecast ${of} rests on data older than ${staleMinutes} minutes, or is not made at all; nothing is foreseen`,
        metric: streamMetric(stream, 'ForecastAge', 'Maximum'),
        above: staleMinutes * 60,
        forMinutes: 3,
        silenceIsAlarm: true,
      });
      this.#add(`HandoverFailed-${name}`, {
        description: `A handover ${of} was taken back or abandoned; the source processes on. See GET /shadow/monitor`,
        metric: streamMetric(stream, 'HandoverFailed', 'Sum'),
        above: 0,
      });
      this.#add(`ShadowDiverged-${name}`, {
        description: `A standby shadow ${of} saw other records than its owner: the digests differ. It is not activated`,
        metric: streamMetric(stream, 'ShadowDiverged', 'Maximum'),
        above: 0,
      });
      this.#add(`ReshardFailed-${name}`, {
        description: `A split, merge or resize ${of} did not come to its end`,
        metric: streamMetric(stream, 'ReshardFailed', 'Sum'),
        above: 0,
      });
      this.#add(`ProfileFailed-${name}`, {
        description: `A profiling shadow ${of} did not come to its end; nothing of it is left behind. See GET /shadow/monitor`,
        metric: streamMetric(stream, 'ProfileFailed', 'Sum'),
        above: 0,
      });
      this.#add(`CircuitOpen-${name}`, {
        description: `Operations ${of} failed in a row: Penumbra only observes until half an hour after the last one. See penumbra plan --why`,
        metric: streamMetric(stream, 'CircuitOpen', 'Maximum'),
        above: 0,
      });
    }
    this.#add('DeadLetters', {
      description: 'A command could not be carried out and waits in the dead-letter queue',
      metric: props.deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(1) }),
      above: 0,
    });
    this.#add('OldCommands', {
      description: 'Commands wait for minutes: the dispatcher does not keep up, or a message blocks its shard',
      metric: props.queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: Duration.minutes(1) }),
      above: 120,
      forMinutes: 2,
    });
    for (const [name, machine] of Object.entries({
      Handover: props.handoverMachine,
      Reshard: props.reshardMachine,
      Profile: props.profileMachine,
    }))
      this.#add(`${name}ExecutionsTimedOut`, {
        description: `An execution of the ${name.toLowerCase()} machine ended without its own record`,
        metric: machine.metricTimedOut({ statistic: 'Sum', period: Duration.minutes(5) }),
        above: 0,
      });
  }

  #add(id: string, wanted: Wanted): void {
    const minutes = wanted.forMinutes ?? 1;
    const alarm = new Alarm(this, id, {
      alarmDescription: wanted.description,
      metric: wanted.metric,
      threshold: wanted.above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: minutes,
      treatMissingData: wanted.silenceIsAlarm ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    if (this.#actions.length > 0) alarm.addAlarmAction(...this.#actions);
    this.alarms.push(alarm);
  }
}
