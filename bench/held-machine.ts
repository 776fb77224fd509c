// bench/held-machine: the deployed handover machine, made to stand still before one of its states until it is told to go on.
// in: the deployed machine, its lease table · out: executions that wait at a known place, go on, or are stopped
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { type HandoverInput, handoverStateNames } from '../lib/model/handover.ts';

/** A state of the table before which an execution can be held. */
export type HeldBefore = 'pausing' | 'redirecting' | 'verifying' | 'activating' | 'deactivating' | 'resuming';

interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const BREAKPOINT = 'Breakpoint';
/** The partition of the lease table in which executions say that they are held; no group of workers has this name. */
const BREAKPOINTS = 'breakpoints';
const LOOK_MS = 2;
/** Longer than any case holds one. */
const HELD_AT_MOST_SEC = 120;

/** The machine with a breakpoint before one state: everything that led there leads to the breakpoint. */
export const withBreakpoint = (definition: Definition, before: string, leaseTable: string): Definition => {
  if (definition.States[before] === undefined)
    throw new RangeError(`the machine has no state ${before}, it has ${Object.keys(definition.States).join(', ')}`);
  const redirected = JSON.parse(JSON.stringify(definition), (key, value: unknown) =>
    (key === 'Next' || key === 'Default' || key === 'StartAt') && value === before ? BREAKPOINT : value,
  ) as Definition;
  const breakpoint = {
    Type: 'Task',
    Resource: 'arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken',
    TimeoutSeconds: HELD_AT_MOST_SEC,
    Arguments: {
      TableName: leaseTable,
      Key: { group: { S: BREAKPOINTS }, shardId: { S: '{% $states.context.Execution.Input.handoverId %}' } },
      UpdateExpression: 'SET taskToken = :token',
      ExpressionAttributeValues: { ':token': { S: '{% $states.context.Task.Token %}' } },
    },
    Output: '{% $states.input %}',
    Next: before,
  };
  return { ...redirected, States: { ...redirected.States, [BREAKPOINT]: breakpoint } };
};

/** The deployed machine and its held copies. The process's environment must point at the cloud. */
export class HeldMachines {
  readonly #stepFunctions = new SFNClient({});
  readonly #dynamodb = new DynamoDBClient({});
  readonly #machineArn: string;
  readonly #leaseTable: string;
  readonly #copies = new Map<HeldBefore, Promise<string>>();

  constructor(machineArn: string, leaseTable: string) {
    this.#machineArn = machineArn;
    this.#leaseTable = leaseTable;
  }

  /** Starts a handover: by the machine as it is deployed, or by the copy that stops before this state. Returns the execution. */
  async start(input: HandoverInput, before: HeldBefore | null): Promise<string> {
    const { executionArn } = await this.#stepFunctions.send(
      new StartExecutionCommand({
        stateMachineArn: before === null ? this.#machineArn : await this.#copyOf(before),
        name: input.handoverId,
        input: JSON.stringify(input),
      }),
    );
    if (executionArn === undefined) throw new Error(`Step Functions named no execution of ${input.handoverId}`);
    return executionArn;
  }

  /** Waits until the execution is held; returns how it goes on, or null when it is not held within this time. */
  async held(handoverId: string, withinMs: number): Promise<(() => Promise<void>) | null> {
    const Key = { group: { S: BREAKPOINTS }, shardId: { S: handoverId } };
    for (const began = performance.now(); performance.now() - began < withinMs; await sleep(LOOK_MS)) {
      const request = new GetItemCommand({ TableName: this.#leaseTable, Key, ConsistentRead: true });
      const taskToken = (await this.#dynamodb.send(request)).Item?.taskToken?.S;
      if (taskToken !== undefined)
        return async () => {
          // Step Functions does not know the token any more when the execution has ended meanwhile.
          await this.#stepFunctions.send(new SendTaskSuccessCommand({ taskToken, output: '{}' })).catch(async (error: Error) => {
            if (error.name !== 'TaskDoesNotExist') throw error;
          });
        };
    }
    return null;
  }

  /** StopExecution: what it was about to do it does no more. */
  async stop(executionArn: string): Promise<void> {
    await this.#stepFunctions.send(new StopExecutionCommand({ executionArn, error: 'Bench', cause: 'a fault of the bench' }));
  }

  /** RUNNING, SUCCEEDED, FAILED, ABORTED, TIMED_OUT. */
  async statusOf(executionArn: string): Promise<string> {
    return (await this.#stepFunctions.send(new DescribeExecutionCommand({ executionArn }))).status ?? 'unknown';
  }

  #copyOf(before: HeldBefore): Promise<string> {
    const known = this.#copies.get(before) ?? this.#makeCopy(before);
    this.#copies.set(before, known);
    return known;
  }

  async #makeCopy(before: HeldBefore): Promise<string> {
    const deployed = await this.#stepFunctions.send(new DescribeStateMachineCommand({ stateMachineArn: this.#machineArn }));
    const definition = JSON.parse(deployed.definition ?? '{}') as Definition;
    const { stateMachineArn } = await this.#stepFunctions.send(
      new CreateStateMachineCommand({
        name: `held-before-${before}`,
        roleArn: deployed.roleArn,
        definition: JSON.stringify(withBreakpoint(definition, handoverStateNames[before], this.#leaseTable)),
      }),
    );
    if (stateMachineArn === undefined) throw new Error(`Step Functions named no machine held-before-${before}`);
    return stateMachineArn;
  }
}
