// lib/adapters/aws: Step Functions: executions by name, answers to callbacks.
// in: Machines and Callbacks calls · out: one request each
import { SendTaskSuccessCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { InvariantError } from '../../errors.ts';
import type { Callbacks, Machines } from '../../ports.ts';
import { nameOf, translate } from './sdk-errors.ts';

export interface MachineArns {
  readonly handover: string | undefined;
  readonly reshard: string | undefined;
  readonly profile: string | undefined;
  readonly forecast: string | undefined;
}

/** `…:stateMachine:NAME` → `…:execution:NAME:execution name` */
const executionArnOf = (machineArn: string, name: string): string =>
  `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;

/** The machines. A name that ran before (with another input, or to its end) starts nothing. */
export const stepFunctionsMachines = (client: SFNClient, arns: MachineArns): Machines => ({
  start: async (machine, name, input, signal) => {
    const stateMachineArn = arns[machine];
    if (stateMachineArn === undefined)
      throw new InvariantError(`${machine}MachineArn must be configured to start a ${machine}, got none`);
    const request = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
    try {
      const { executionArn } = await client.send(request, { ...(signal && { abortSignal: signal }) });
      return { kind: 'started', executionArn: executionArn ?? executionArnOf(stateMachineArn, name) };
    } catch (error) {
      if (nameOf(error) === 'ExecutionAlreadyExists')
        return { kind: 'exists', executionArn: executionArnOf(stateMachineArn, name) };
      throw translate(error, `start ${machine} ${name}`);
    }
  },
});

/** A token that nobody waits for any more. Step Functions says it in three ways. */
const GONE = new Set(['TaskTimedOut', 'InvalidToken', 'TaskDoesNotExist']);

/** Answers to the task tokens that the machines wait for. */
export const stepFunctionsCallbacks = (client: SFNClient): Callbacks => ({
  succeed: async (taskToken, output, signal) => {
    const request = new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) });
    try {
      await client.send(request, { ...(signal && { abortSignal: signal }) });
      return { kind: 'answered' };
    } catch (error) {
      if (GONE.has(nameOf(error))) return { kind: 'gone' };
      throw translate(error, 'answer a task token');
    }
  },
});
