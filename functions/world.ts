// functions: the one place that reads the environment.
// in: process.env of a function · out: its ports and the streams that it may act on
import { z } from 'zod';
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import { InvariantError } from '../lib/errors.ts';
import { Group } from '../lib/model/lease.ts';
import type { Ports } from '../lib/ports.ts';
import { type FunctionName, requiredVariables, VARIABLES } from './needs.ts';

/** What a function acts on and acts by. */
export interface World {
  readonly ports: Ports;
  /** The streams of this deployment; any other is unknown here. */
  readonly streams: readonly Group[];
}

const Streams = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON: [{"application":…,"streamName":…}]' });
      return z.NEVER;
    }
  })
  .pipe(z.array(Group).min(1));

/** Reads the environment of a function. Fails with each variable that is missing or wrong. */
export const worldOf = (name: FunctionName, env: Readonly<Record<string, string | undefined>>): World => {
  const schema = z.object(
    Object.fromEntries(
      requiredVariables(name).map((variable) => [variable, variable === VARIABLES.streams ? Streams : z.string().min(1)]),
    ),
  );
  const parsed = schema.safeParse(env);
  if (!parsed.success) throw new InvariantError(`the environment of ${name} is incomplete: ${z.prettifyError(parsed.error)}`);
  const lookUp = (need: keyof typeof VARIABLES): string => env[VARIABLES[need]] ?? '';
  const commandQueueUrl = lookUp('commands');
  const handoverMachineArn = lookUp('handoverMachine');
  const reshardMachineArn = lookUp('reshardMachine');
  const profileMachineArn = lookUp('profileMachine');
  const forecastMachineArn = lookUp('forecastMachine');
  // A function calls only the ports of what it needs; the names of the other tables stay empty.
  const ports = awsPorts({
    leaseTable: lookUp('lease'),
    workerTable: lookUp('worker'),
    demandTable: lookUp('demand'),
    controlTable: lookUp('control'),
    ...(commandQueueUrl !== '' && { commandQueueUrl }),
    ...(handoverMachineArn !== '' && { handoverMachineArn }),
    ...(reshardMachineArn !== '' && { reshardMachineArn }),
    ...(profileMachineArn !== '' && { profileMachineArn }),
    ...(forecastMachineArn !== '' && { forecastMachineArn }),
  });
  return { ports, streams: parsed.data[VARIABLES.streams] as Group[] };
};
