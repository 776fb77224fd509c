// test/effects: a worker's ports that can be frozen: everything that it waits for waits on, as for a process that got SIGSTOP. Its clocks go on.
// in: ports · out: the same ports, and a switch
import type { ConsumerPorts } from '../../lib/consumer/consumer-options.ts';
import type { Clock } from '../../lib/ports.ts';

export interface Freezer {
  freeze(): void;
  /** The process goes on where it stood. */
  thaw(): void;
  /** Resolves at once unless frozen: what a processor awaits within its call. */
  awake(): Promise<void>;
}

export const freezer = (): Freezer => {
  let thawed: Promise<void> = Promise.resolve();
  let release = (): void => {};
  return {
    freeze: () => {
      thawed = new Promise((resolve) => {
        release = resolve;
      });
    },
    thaw: () => release(),
    awake: () => thawed,
  };
};

/** Those that answer at once. `poll` gives an iterator, whose `next` waits. */
const AT_ONCE = new Set(['nowMs', 'monotonicMs', 'poll', 'subscribe']);

const freezable = <Port extends object>(port: Port, { awake }: Freezer): Port =>
  new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const call = member as (...args: unknown[]) => unknown;
      if (name === 'poll') return (...args: unknown[]) => freezable(call.apply(target, args) as object, { awake } as Freezer);
      if (AT_ONCE.has(String(name))) return call.bind(target);
      return async (...args: unknown[]) => {
        await awake();
        const answer = await call.apply(target, args);
        await awake();
        return answer;
      };
    },
  });

/** The ports of a worker that can be frozen. It reads by polling and beats from its own event loop. */
export const freezablePorts = (
  { heartbeats: _outside, ...ports }: ConsumerPorts,
  switchOf: Freezer,
): ConsumerPorts & { readonly clock: Clock } =>
  Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, freezable(port as object, switchOf)])) as never;
