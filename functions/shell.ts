// functions: the shell around every handler: middy, zod, the log, errors. The one general catch of the control plane.
// in: what AWS sends · out: a checked input for a handler, and its answer or error in the caller's form
import { Logger } from '@aws-lambda-powertools/logger';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { z } from 'zod';
import { InvariantError, PoisonError, TransientError } from '../lib/errors.ts';
import type { Group } from '../lib/model/lease.ts';
import type { Ports } from '../lib/ports.ts';
import type { FunctionName } from './needs.ts';
import { type World, worldOf } from './world.ts';

/** What a handler gets besides its input. */
export interface Scene {
  readonly ports: Ports;
  readonly streams: readonly Group[];
  /** The wall clock when the call arrived. */
  readonly nowMs: number;
  /** Aborts shortly before Lambda would stop the function, so that a dying call writes nothing more. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** A handler without its shell: tests call `run` with memory ports. */
export interface Task<I extends z.ZodType, R> {
  readonly name: FunctionName;
  readonly input: I;
  run(input: z.output<I>, scene: Scene): Promise<R>;
}

/** Milliseconds that are left to answer when the deadline nears. */
const RESERVE_MS = 400;

/** Makes the world on the first call and keeps it for the life of the container. */
export const once = (name: FunctionName, makeWorld: (name: FunctionName) => World): (() => World) => {
  let world: World | undefined;
  return () => {
    world ??= makeWorld(name);
    return world;
  };
};

export const fromEnvironment = (name: FunctionName): World => worldOf(name, process.env);

/** middy with a deadline that ends in an error which the caller may retry. */
export const onion = <E, R>(name: FunctionName, handle: (event: E, context: Context, signal: AbortSignal) => Promise<R>) =>
  middy((event: E, context: Context, { signal }: { signal: AbortSignal }) => handle(event, context, signal), {
    timeoutEarlyInMillis: RESERVE_MS,
    timeoutEarlyResponse: () => {
      throw new TransientError(`${name} stopped before its deadline`);
    },
  });

/** A log of one call. Never the event itself: it may carry what must not be kept. */
export const loggerOf = (name: FunctionName, context: Context | undefined): Logger => {
  const logger = new Logger({ serviceName: `penumbra-${name}` });
  if (context?.awsRequestId !== undefined) logger.appendKeys({ requestId: context.awsRequestId });
  return logger;
};

/** Step Functions and SQS match on three names: anything else that was thrown is our own bug. */
export const translated = (error: unknown): Error => {
  if (error instanceof TransientError || error instanceof PoisonError || error instanceof InvariantError) return error;
  return new InvariantError(error instanceof Error ? `${error.name}: ${error.message}` : String(error), { cause: error });
};

/** The handler of a function that a schedule or a state machine calls. An input that does not fit is poison. */
export const task = <I extends z.ZodType, R>(of: Task<I, R>, makeWorld = fromEnvironment) => {
  const world = once(of.name, makeWorld);
  return onion(of.name, async (event: unknown, context, signal): Promise<R> => {
    const log = loggerOf(of.name, context);
    try {
      const { ports, streams } = world();
      const input = of.input.safeParse(event);
      if (!input.success) throw new PoisonError(`the input of ${of.name} does not fit: ${z.prettifyError(input.error)}`);
      const result = await of.run(input.data, { ports, streams, nowMs: ports.clock.nowMs(), signal, log });
      log.info('done', { result });
      return result;
    } catch (error) {
      const cause = translated(error);
      log.error(cause.message, cause);
      throw cause;
    }
  });
};

/** What a schedule sends: one stream. */
export const Tick = z.object({ application: z.string().min(1), streamName: z.string().min(1) });
export type Tick = z.output<typeof Tick>;
