// infra: the whole control plane as one construct, for a user's own CDK app.
// in: which streams of which application · out: tables, functions, machines, API, dashboard, alarms
import { RemovalPolicy } from 'aws-cdk-lib';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { type IGrantable, ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { FunctionName } from '../functions/needs.ts';
import { routes } from '../functions/routes.ts';
import { Alarms } from './alarms.ts';
import { CommandQueue, DISPATCH_TIMEOUT_SEC } from './command-queue.ts';
import { ControlFunctions, type ManagedService, type ManagedStream } from './control-functions.ts';
import { ForecastMachine } from './forecast-machine.ts';
import { functionCode } from './function-code.ts';
import type { HandoverTimes } from './handover-definition.ts';
import { HandoverMachine } from './handover-machine.ts';
import { PenumbraDashboard } from './penumbra-dashboard.ts';
import { ProfileMachine } from './profile-machine.ts';
import type { ReshardTimes } from './reshard-definition.ts';
import { ReshardMachine } from './reshard-machine.ts';
import { ScheduledLoop } from './scheduled-loop.ts';
import { type ApiThrottle, ShadowApi } from './shadow-api.ts';
import { StateTables } from './state-tables.ts';
import { workerStatements } from './worker-access.ts';

export interface PredictiveShadowingProps {
  /** The streams that Penumbra looks after. They are not created, and never changed by this stack: only a policy in mode `act` reshards. */
  readonly streams: readonly ManagedStream[];
  /**
   * The ECS services that run workers, if a policy is to set their desired count (`workerService`).
   * @default none: Penumbra says how many workers are wanted, and may change nothing
   */
  readonly workerServices?: readonly ManagedService[];
  /**
   * What happens to the tables when the stack goes.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Timeouts of the handover machine, and the owner's own pause budget.
   * @default 60 s to prepare, 3 s to pause (budget 2.5 s), 5 s to activate, 10 s to deactivate
   */
  readonly handoverTimes?: HandoverTimes;
  /**
   * Limits of the reshard machine.
   * @default 30 minutes until ACTIVE, an hour to drain
   */
  readonly reshardTimes?: ReshardTimes;
  /** @default 50 requests a second, bursts of 100 */
  readonly apiThrottle?: ApiThrottle;
  /**
   * Where alarms go.
   * @default nowhere: they only show
   */
  readonly alarmActions?: readonly IAlarmAction[];
  /**
   * Further environment variables of every function, for a deployment that is not on AWS.
   * @default none
   */
  readonly functionEnvironment?: Readonly<Record<string, string>>;
}

/** Kinesis's rule for a stream's name; an application's name becomes part of a consumer's name under the same rule. */
const NAME = /^[a-zA-Z0-9_.-]+$/;

const checked = (streams: readonly ManagedStream[]): readonly ManagedStream[] => {
  if (streams.length === 0) throw new RangeError('streams must name at least one stream, got []');
  const seen = new Set<string>();
  for (const stream of streams) {
    const { application, streamName } = stream;
    if (!NAME.test(streamName) || streamName.length > 128)
      throw new RangeError(`streamName must be 1 to 128 of a-z A-Z 0-9 _ . -, got ${JSON.stringify(streamName)}`);
    if (!NAME.test(application) || application.length > 100)
      throw new RangeError(`application must be 1 to 100 of a-z A-Z 0-9 _ . -, got ${JSON.stringify(application)}`);
    const key = `${application}/${streamName}`;
    if (seen.has(key)) throw new RangeError(`each stream must be named once, got ${key} twice`);
    seen.add(key);
  }
  return streams;
};

/** Penumbra's control plane. It may be down without harm: workers keep their leases and keep processing. */
export class PredictiveShadowing extends Construct {
  readonly tables: StateTables;
  readonly commands: CommandQueue;
  readonly handover: HandoverMachine;
  readonly reshard: ReshardMachine;
  readonly profile: ProfileMachine;
  readonly forecast: ForecastMachine;
  readonly api: ShadowApi;
  readonly dashboard: PenumbraDashboard;
  readonly alarms: Alarms;
  /** What a worker needs, to attach to the role that your consumers run under. */
  readonly workerPolicy: ManagedPolicy;
  readonly #streams: readonly ManagedStream[];

  constructor(scope: Construct, id: string, props: PredictiveShadowingProps) {
    super(scope, id);
    const streams = checked(props.streams);
    this.#streams = streams;
    this.tables = new StateTables(this, 'State', props.removalPolicy === undefined ? {} : { removalPolicy: props.removalPolicy });
    this.commands = new CommandQueue(this, 'Commands');
    const functions = new ControlFunctions(this, 'Functions', {
      code: functionCode(),
      tables: this.tables,
      streams,
      logGroup: new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY }),
      workerServices: props.workerServices ?? [],
      environment: props.functionEnvironment ?? {},
    });
    const { queue, deadLetters } = this.commands;

    this.handover = new HandoverMachine(this, 'Handover', {
      leaseTable: this.tables.lease,
      record: functions.make('handover-record'),
      ...(props.handoverTimes && { times: props.handoverTimes }),
    });
    this.reshard = new ReshardMachine(this, 'Reshard', {
      functions: {
        guarding: functions.make('reshard-guard'),
        changing: functions.make('reshard-change'),
        updating: functions.make('reshard-await'),
        leasing: functions.make('reshard-leases'),
        draining: functions.make('reshard-drained'),
        retiring: functions.make('reshard-retire'),
      },
      ...(props.reshardTimes && { times: props.reshardTimes }),
    });
    this.profile = new ProfileMachine(this, 'Profile', {
      functions: {
        creating: functions.make('profile-create'),
        watching: functions.make('profile-watch'),
        stopping: functions.make('profile-stop'),
        analysing: functions.make('profile-analyse', { timeoutSec: 55, memoryMiB: 1024 }),
        deciding: functions.make('profile-decide'),
      },
    });
    const machines = {
      handoverMachine: this.handover.machine,
      reshardMachine: this.reshard.machine,
      profileMachine: this.profile.machine,
    };
    const { handoverMachine, reshardMachine, profileMachine } = machines;
    this.commands.consume(functions.make('dispatch', { timeoutSec: DISPATCH_TIMEOUT_SEC, ...machines }));

    this.forecast = new ForecastMachine(this, 'Forecast', {
      slice: functions.make('forecast-slice', { timeoutSec: 55, memoryMiB: 1769 }),
      settle: functions.make('forecast-settle', { timeoutSec: 55, memoryMiB: 1769 }),
    });
    const forecastMachine = this.forecast.machine;

    new ScheduledLoop(this, 'Loop', {
      streams,
      everyMinute: {
        collect: functions.make('collect', { timeoutSec: 55 }),
        forecast: functions.make('forecast', { timeoutSec: 55, memoryMiB: 1769, forecastMachine }),
        plan: functions.make('plan', { timeoutSec: 50, memoryMiB: 1024, queue }),
        feedback: functions.make('feedback', { timeoutSec: 55 }),
        tune: functions.make('tune', { queue }),
      },
      everyHour: { 'roll-up': functions.make('roll-up', { timeoutSec: 300, memoryMiB: 1769 }) },
      everyFiveMinutes: { reap: functions.make('reap', { timeoutSec: 60, queue }) },
    });

    const routed = Object.values(routes).map(({ name }): [FunctionName, LambdaFunction] => [
      name,
      functions.make(name, { timeoutSec: 20, queue }),
    ]);
    this.api = new ShadowApi(this, 'Api', {
      functions: Object.fromEntries(routed),
      ...(props.apiThrottle && { throttle: props.apiThrottle }),
    });
    this.alarms = new Alarms(this, 'Alarms', {
      streams,
      queue,
      deadLetters,
      handoverMachine,
      reshardMachine,
      profileMachine,
      ...(props.alarmActions && { actions: props.alarmActions }),
    });
    this.dashboard = new PenumbraDashboard(this, 'Dashboard', { streams, queue, deadLetters, alarms: this.alarms.alarms });
    this.workerPolicy = new ManagedPolicy(this, 'WorkerPolicy', {
      description: 'What a worker of Penumbra needs',
      statements: workerStatements(this, this.tables, handoverMachine, streams),
    });
  }

  /** Lets a role run workers. */
  grantWorker(grantee: IGrantable): void {
    for (const statement of workerStatements(this, this.tables, this.handover.machine, this.#streams))
      grantee.grantPrincipal.addToPrincipalPolicy(statement);
  }
}
