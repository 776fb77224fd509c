// infra: the loop's ticks.
// in: streams, functions · out: one schedule for each stream and stage
import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import type { ManagedStream } from './control-functions.ts';

export interface ScheduledLoopProps {
  readonly streams: readonly ManagedStream[];
  /** Called each minute, in this order of the data: collect, forecast, plan, feedback, tune. */
  readonly everyMinute: Readonly<Record<string, IFunction>>;
  /** Called every five minutes. */
  readonly everyFiveMinutes: Readonly<Record<string, IFunction>>;
  /** Called every hour. */
  readonly everyHour: Readonly<Record<string, IFunction>>;
}

/** EventBridge Scheduler calls each stage for each stream. A tick that could not be delivered within its minute is left out: the next one does its work. */
export class ScheduledLoop extends Construct {
  constructor(scope: Construct, id: string, props: ScheduledLoopProps) {
    super(scope, id);
    const tick = (stage: string, target: IFunction, { application, streamName }: ManagedStream, minutes: number) =>
      new Schedule(this, `${stage}-${application}-${streamName}`, {
        description: `Penumbra: ${stage} of ${application}/${streamName}`,
        schedule: ScheduleExpression.rate(Duration.minutes(minutes)),
        target: new LambdaInvoke(target, {
          input: ScheduleTargetInput.fromObject({ application, streamName }),
          maxEventAge: Duration.minutes(1),
          retryAttempts: 1,
        }),
      });
    for (const stream of props.streams) {
      for (const [stage, target] of Object.entries(props.everyMinute)) tick(stage, target, stream, 1);
      for (const [stage, target] of Object.entries(props.everyFiveMinutes)) tick(stage, target, stream, 5);
      for (const [stage, target] of Object.entries(props.everyHour)) tick(stage, target, stream, 60);
    }
  }
}
