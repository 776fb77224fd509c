// functions: what each function needs of the world, in the order in which the data meets them.
// in: nothing · out: data; infra grants exactly this, the shell asks the environment for exactly this

type TableAction = 'Query' | 'BatchGetItem' | 'BatchWriteItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem';

/** What one function may do. Tables and actions as its ports use them (lib/adapters/aws). */
export interface Needs {
  readonly lease?: readonly TableAction[];
  readonly worker?: readonly TableAction[];
  readonly demand?: readonly TableAction[];
  readonly control?: readonly TableAction[];
  readonly stream?: readonly ('describe' | 'split' | 'merge' | 'resize' | 'consumers')[];
  readonly metrics?: readonly ('read' | 'write')[];
  /** Sends commands. */
  readonly commands?: true;
  /** Starts executions of handovers and reshards. */
  readonly machines?: true;
  /** Starts the forecast of a large stream. */
  readonly forecastMachine?: true;
  /** Sets the desired count of the services that run workers, where the deployment names any. */
  readonly workerServices?: true;
}

/** Accepting an operation: create it, mark it failed when its command cannot be sent. */
const ACCEPT = ['Query', 'BatchGetItem', 'PutItem', 'UpdateItem'] as const;

export const needs = {
  collect: { demand: ['Query', 'BatchWriteItem'], stream: ['describe'], metrics: ['read'] },
  'roll-up': { demand: ['Query', 'BatchWriteItem'], stream: ['describe'] },
  forecast: {
    demand: ['Query'],
    control: ['Query', 'PutItem', 'BatchWriteItem', 'BatchGetItem'],
    stream: ['describe'],
    metrics: ['write'],
    forecastMachine: true,
  },
  'forecast-slice': {
    demand: ['Query'],
    control: ['Query', 'BatchWriteItem', 'BatchGetItem'],
    stream: ['describe'],
  },
  'forecast-settle': { control: ['Query', 'PutItem', 'BatchWriteItem'], metrics: ['write'] },
  plan: {
    lease: ['Query'],
    worker: ['Query'],
    demand: ['Query'],
    control: ACCEPT,
    stream: ['describe'],
    metrics: ['write'],
    commands: true,
    workerServices: true,
  },
  dispatch: {
    lease: ['BatchGetItem', 'UpdateItem'],
    worker: ['Query', 'UpdateItem'],
    control: ['BatchGetItem', 'PutItem', 'UpdateItem'],
    machines: true,
  },
  'handover-record': { lease: ['BatchGetItem'], control: ['BatchGetItem', 'BatchWriteItem', 'UpdateItem'], metrics: ['write'] },
  'reshard-guard': { lease: ['Query', 'BatchGetItem', 'UpdateItem'], stream: ['describe'] },
  'reshard-change': { stream: ['describe', 'split', 'merge', 'resize'] },
  'reshard-await': { stream: ['describe'] },
  'reshard-leases': { lease: ['Query', 'PutItem'], worker: ['Query', 'UpdateItem'], stream: ['describe'] },
  'reshard-drained': { lease: ['Query', 'BatchGetItem'] },
  'reshard-retire': {
    lease: ['Query', 'UpdateItem'],
    control: ['BatchGetItem', 'BatchWriteItem', 'UpdateItem'],
    metrics: ['write'],
  },
  'profile-create': { lease: ['BatchGetItem'], worker: ['Query', 'PutItem', 'UpdateItem', 'DeleteItem'] },
  'profile-watch': { worker: ['Query', 'PutItem', 'DeleteItem'] },
  'profile-stop': {
    worker: ['Query', 'PutItem', 'UpdateItem', 'DeleteItem'],
    control: ['BatchGetItem', 'UpdateItem'],
    metrics: ['write'],
  },
  'profile-analyse': {
    lease: ['Query'],
    worker: ['Query'],
    demand: ['Query'],
    control: ['Query', 'BatchGetItem', 'BatchWriteItem'],
    stream: ['describe'],
  },
  'profile-decide': { control: ['BatchGetItem', 'BatchWriteItem', 'UpdateItem'], metrics: ['write'] },
  // What is tuned lies in the worker table: the workers read it there.
  tune: {
    lease: ['Query'],
    worker: ['Query', 'PutItem', 'UpdateItem'],
    control: ACCEPT,
    metrics: ['write'],
    commands: true,
  },
  feedback: { demand: ['Query'], control: ['Query', 'BatchWriteItem'], metrics: ['write'] },
  reap: {
    lease: ['Query'],
    // Profiling runs whose host is lost lie there.
    worker: ['Query', 'PutItem', 'DeleteItem'],
    control: ['Query', 'BatchGetItem', 'UpdateItem'],
    stream: ['describe', 'consumers'],
    commands: true,
  },
  'shadow-create': { lease: ['BatchGetItem'], worker: ['Query'], control: ACCEPT, commands: true },
  'shadow-activate': { lease: ['BatchGetItem'], worker: ['Query'], control: ACCEPT, commands: true },
  'shadow-monitor': { lease: ['Query'], worker: ['Query'], control: ['Query', 'BatchGetItem'] },
  'shadow-stop': { worker: ['Query', 'UpdateItem'] },
  profiles: { control: ['Query'] },
  'profile-report': { worker: ['Query'], control: ['Query', 'BatchGetItem'] },
  tuning: { worker: ['Query'], control: ['BatchGetItem'] },
  'tuning-start': { lease: ['Query'], worker: ['Query', 'PutItem'], control: ACCEPT, commands: true },
  'tuning-stop': { worker: ['Query', 'PutItem', 'UpdateItem'] },
  fleet: { lease: ['Query'], worker: ['Query'], demand: ['Query'], control: ['Query', 'BatchGetItem'], stream: ['describe'] },
  predictions: { demand: ['Query'], control: ['Query', 'BatchGetItem'], stream: ['describe'] },
  plans: { control: ['Query'] },
  'plan-approve': { control: ACCEPT, commands: true, workerServices: true },
  policy: { control: ['BatchGetItem'] },
  'policy-change': { control: ['PutItem'] },
  operations: { control: ['BatchGetItem'] },
  events: { control: ['Query'] },
  'event-put': { control: ['Query', 'PutItem'] },
  'event-remove': { control: ['DeleteItem'] },
} as const satisfies Record<string, Needs>;

/** The name of a function: its file is `functions/<name>.ts`. */
export type FunctionName = keyof typeof needs;

/** The environment variables by which infra tells a function of each thing that it needs. */
export const VARIABLES = {
  lease: 'PENUMBRA_LEASE_TABLE',
  worker: 'PENUMBRA_WORKER_TABLE',
  demand: 'PENUMBRA_DEMAND_TABLE',
  control: 'PENUMBRA_CONTROL_TABLE',
  commands: 'PENUMBRA_COMMAND_QUEUE_URL',
  handoverMachine: 'PENUMBRA_HANDOVER_MACHINE_ARN',
  reshardMachine: 'PENUMBRA_RESHARD_MACHINE_ARN',
  profileMachine: 'PENUMBRA_PROFILE_MACHINE_ARN',
  forecastMachine: 'PENUMBRA_FORECAST_MACHINE_ARN',
  streams: 'PENUMBRA_STREAMS',
} as const;

/** The variables that a function cannot do without. */
export const requiredVariables = (name: FunctionName): string[] => {
  const of: Needs = needs[name];
  return [
    VARIABLES.streams,
    ...(['lease', 'worker', 'demand', 'control', 'commands'] as const)
      .filter((need) => of[need] !== undefined)
      .map((need) => VARIABLES[need]),
    ...(of.machines ? [VARIABLES.handoverMachine, VARIABLES.reshardMachine, VARIABLES.profileMachine] : []),
    ...(of.forecastMachine ? [VARIABLES.forecastMachine] : []),
  ];
};
